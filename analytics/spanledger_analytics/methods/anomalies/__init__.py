"""Unusual spend: what is usual, what is surprising, and when it is worth telling."""
