"""What may come, and what the same calls would have cost otherwise."""
