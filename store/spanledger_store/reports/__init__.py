"""What the pages and the command line ask of the store: one module per noun, frames and dataclasses out."""
