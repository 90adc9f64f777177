"""How long data is kept, how it is deleted, copied and brought back."""
