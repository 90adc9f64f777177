"""What is thought of calls: evaluations and feedback on their way to the collector."""
