"""The SDK without a collector: what `spanledger.testing` is made of."""
