"""Personal data and secrets, replaced before a span leaves the program."""
