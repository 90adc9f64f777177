"""A seeded month of a fictional company's LLM traffic, sent through the real SDK and the real collector."""
