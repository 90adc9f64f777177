"""What changed between two windows of traffic, judged by sessions and not by calls."""
