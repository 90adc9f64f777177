"""Frames to figures: pure functions that return plain dicts and know neither the store nor the URL."""
