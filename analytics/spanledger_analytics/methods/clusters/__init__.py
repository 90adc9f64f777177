"""Query clusters: what users ask, as topics that keep their ids; pure functions on arrays."""
