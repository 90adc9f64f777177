"""Who and what for: facts that hold for all calls inside a block, and how they cross threads and services."""
