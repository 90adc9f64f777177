"""What calls cost: changing the price book, and giving stored calls new prices."""
