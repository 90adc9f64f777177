"""Everything the collector can be told, in one frozen object."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024


class CollectorSettings(BaseSettings):
    """Settings of the collector.

    | field | variable | meaning |
    |---|---|---|
    | host | SPANLEDGER_HOST | address to listen on; anything but loopback needs keys |
    | port | SPANLEDGER_PORT | port of collector, API and pages |
    | grpc_port | SPANLEDGER_GRPC_PORT | port of OTLP over gRPC, with the extra `[grpc]`; 0 is off |
    | max_body_bytes | SPANLEDGER_MAX_BODY_BYTES | largest OTLP body, decompressed |
    | spool_max_bytes | SPANLEDGER_SPOOL_MAX_BYTES | undelivered bytes kept before senders must wait |
    | batch_spans | SPANLEDGER_BATCH_SPANS | most spans written in one insert |
    | processes | SPANLEDGER_PROCESSES | processes that normalise large batches beside this one |
    | linger_seconds | SPANLEDGER_LINGER_SECONDS | how long a small batch waits for company |
    | max_content_chars | SPANLEDGER_MAX_CONTENT_CHARS | characters kept of one input or output |
    | drain_seconds | SPANLEDGER_DRAIN_SECONDS | longest wait at shutdown for the store; the rest stays spooled |
    | local_token | (set by `up`) | lets the command line on the same machine in |
    """

    model_config = SettingsConfigDict(env_prefix="SPANLEDGER_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(default=8787, ge=0, le=65535)
    grpc_port: int = Field(default=4317, ge=0, le=65535)
    max_body_bytes: int = Field(default=64 * MIB, ge=1024)
    spool_max_bytes: int = Field(default=2048 * MIB, ge=MIB)
    batch_spans: int = Field(default=30_000, ge=1, le=100_000)
    processes: int = Field(default=1, ge=0, le=64)
    linger_seconds: float = Field(default=0.25, ge=0, le=60)
    max_content_chars: int = Field(default=262_144, ge=256)
    drain_seconds: float = Field(default=15, ge=0, le=600)
    local_token: SecretStr | None = None
