"""What may be spent, and calls that are stopped before they are made."""
