"""What `@observe` does to callables, and what an observed call is until it has ended."""
