"""Spans that real packages sent (captured by ../capture), and what is true of them."""
