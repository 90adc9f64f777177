"""Traces that are left out, and the sums that keep the books exact without them."""
