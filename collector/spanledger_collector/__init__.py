"""OTLP in, exactly once into the store: admission, durable spool, normaliser, pipeline, JSON API."""

from spanledger_collector.app import create_app, guarded
from spanledger_collector.settings import CollectorSettings

__all__ = ["CollectorSettings", "create_app", "guarded"]
