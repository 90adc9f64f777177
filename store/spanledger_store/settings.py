"""Where the data lives: one frozen object, built once by the command line and passed in."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from platformdirs import user_data_path
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_data_dir() -> Path:
    """The platform's folder for a user's application data."""
    return user_data_path("spanledger", appauthor=False)


class StoreSettings(BaseSettings):
    """Storage of one installation.

    | field | variable | meaning |
    |---|---|---|
    | data | SPANLEDGER_DATA | directory of the embedded engine, the control database and the spool |
    | clickhouse_url | SPANLEDGER_CLICKHOUSE_URL | `http://user:password@host:8123`; unset means embedded |
    | database | SPANLEDGER_DATABASE | ClickHouse database |
    | cluster | SPANLEDGER_CLUSTER | name in the server's `remote_servers`; empty means one server |
    | control_url | SPANLEDGER_CONTROL_URL | SQLAlchemy URL; unset means SQLite inside `data` |
    | max_memory | SPANLEDGER_MAX_MEMORY | bytes the embedded engine may use; 0 = the engine's own default |
    | public_url | SPANLEDGER_PUBLIC_URL | where people open the pages; links in notices begin with it |
    """

    model_config = SettingsConfigDict(env_prefix="SPANLEDGER_", frozen=True, extra="ignore", env_ignore_empty=True)

    data: Path = Field(default_factory=default_data_dir)
    clickhouse_url: SecretStr | None = None
    database: str = Field(default="spanledger", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    cluster: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    control_url: SecretStr | None = None
    max_memory: int = Field(default=0, ge=0)
    public_url: str = Field(default="http://127.0.0.1:8787", pattern=r"^https?://[^\s?#]+$")

    @model_validator(mode="after")
    def _cluster_of_a_server(self) -> Self:
        if self.cluster and self.clickhouse_url is None:
            raise ValueError(f"cluster {self.cluster!r} needs SPANLEDGER_CLICKHOUSE_URL, where one of its servers is")
        return self

    @property
    def embedded(self) -> bool:
        """True where the engine runs inside this process."""
        return self.clickhouse_url is None

    def control_dsn(self) -> str:
        """The SQLAlchemy URL of the control database."""
        if self.control_url is not None:
            return self.control_url.get_secret_value()
        return f"sqlite:///{self.data / 'control.db'}"
