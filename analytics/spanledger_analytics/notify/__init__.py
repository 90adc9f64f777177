"""What people are told, and how it gets to them: pure messages, and senders at the edge."""
