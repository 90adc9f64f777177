"""What the root-cause benchmark compares on and with."""
