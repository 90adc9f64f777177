"""Why spend has changed: exact terms, the slices behind them, and the sentence about them."""
