"""Spend to come: forecasts, intervals and sums that add up."""
