"""What calls were given and returned: found, chosen, cut, and told as messages."""
