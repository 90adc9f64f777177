"""Unchanged programs of many libraries, run by `spanledger-run` in environments of their own: see run.py."""
