"""Providers' bills, and how the ledger agrees with them."""
