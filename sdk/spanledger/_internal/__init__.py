"""The SDK's inside: everything here may change without notice; `spanledger` re-exports what is public."""
