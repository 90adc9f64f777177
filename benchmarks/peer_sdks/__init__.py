"""What `benchmarks/sdk_peers.py` runs: a small program for every SDK, and an endpoint that they all believe in."""
