"""Settings of the pages: built once by the command line and passed in."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DashboardSettings(BaseSettings):
    """How the pages are served.

    | field | variable | meaning |
    |---|---|---|
    | endpoint | SPANLEDGER_DASHBOARD_ENDPOINT | address that the empty state tells people to send spans to |
    | project | SPANLEDGER_DASHBOARD_PROJECT | project shown where the URL names none |
    | query_threads | SPANLEDGER_DASHBOARD_QUERY_THREADS | queries that may run at once |
    """

    model_config = SettingsConfigDict(env_prefix="SPANLEDGER_DASHBOARD_", frozen=True, extra="ignore")

    endpoint: str = "http://127.0.0.1:8787"
    project: str = "default"
    query_threads: int = Field(default=4, ge=1, le=64)
