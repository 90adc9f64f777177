"""Embedders by name, and the thread they work on."""
