"""What a call used and cost, as its span will be booked."""
