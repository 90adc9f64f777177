"""Methods: pure functions on frames and arrays, which know neither store nor clock."""
