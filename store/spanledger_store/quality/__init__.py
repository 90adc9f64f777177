"""Clusters of queries, and drift."""
