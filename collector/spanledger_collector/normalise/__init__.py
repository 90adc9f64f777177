"""Any dialect in, rows out. `tables.py` is the place to add a dialect."""

from spanledger_collector.normalise.spans import Origin, Unreadable, normalise

__all__ = ["Origin", "Unreadable", "normalise"]
