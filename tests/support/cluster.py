"""Two shards of one ClickHouse cluster, each a server process of its own, and an engine over them.

The servers know Distributed tables but neither Keeper nor ON CLUSTER. `ClusterEngine` stands in for those alone: what
the product sends with ON CLUSTER is sent to every server without it, and replicated tables are made unreplicated.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from pydantic import SecretStr

from spanledger_store.engine import Engine
from spanledger_store.settings import StoreSettings

LAUNCHER = Path(__file__).parent / "clickhouse_server.py"
SHARDS = 2
NAME = "test"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One shard; may be killed and started again over the same files and ports."""

    def __init__(self, data: Path, remote_servers: Path, tcp_port: int) -> None:
        self._command = [
            sys.executable, str(LAUNCHER), "--data", str(data), "--stdin", "--http-port", str(free_port()),
            "--tcp-port", str(tcp_port), "--config-file", str(remote_servers),
        ]  # fmt: skip
        self.tcp = f"127.0.0.1:{tcp_port}"
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("READY "), line
        self.port = json.loads(line.removeprefix("READY "))["ports"]["http"]

    def kill(self) -> None:
        self._process.kill()
        self._end()

    def stop(self) -> None:
        if self._process.poll() is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._end()

    def _end(self) -> None:
        self._process.wait(60)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def servers(at: Path) -> list[Server]:
    """Running servers that know each other as the shards of one cluster."""
    ports = [free_port() for _ in range(SHARDS)]
    shards = "".join(
        "<shard><internal_replication>true</internal_replication>"
        f"<replica><host>127.0.0.1</host><port>{port}</port></replica></shard>"
        for port in ports
    )
    at.mkdir(parents=True, exist_ok=True)
    config = at / "remote_servers.xml"
    config.write_text(f"<clickhouse><remote_servers><{NAME}>{shards}</{NAME}></remote_servers></clickhouse>")
    return [Server(at / f"shard-{number}", config, port) for number, port in enumerate(ports)]


class ClusterEngine(Engine):
    """The product's engine over the first server."""

    def __init__(self, data: Path, nodes: list[Server]) -> None:
        self.nodes = nodes
        super().__init__(StoreSettings(data=data, clickhouse_url=SecretStr(nodes[0].url), cluster=NAME))

    def connect(self, database: str | None) -> Client:
        client = super().connect(database)
        plain = client.command

        def command(cmd: str, *args: Any, **named: Any) -> Any:
            text = alone(cmd)
            if text == cmd:
                return plain(cmd, *args, **named)
            for node in self.nodes[1:]:
                with node_client(node) as other:
                    other.command(text, *args, **named)
            return plain(text, *args, **named)

        client.command = command
        return client

    def on_shards(self, sql: str) -> list[Any]:
        """The first value of a statement, asked of each server for itself."""
        found: list[Any] = []
        for node in self.nodes:
            with node_client(node, self.database) as client:
                found.append(client.query(sql).result_rows[0][0])
        return found


def node_client(node: Server, database: str = "default") -> Client:
    return clickhouse_connect.get_client(
        host="127.0.0.1", port=node.port, database=database, autogenerate_session_id=False
    )


def alone(statement: str) -> str:
    """A statement for all servers as one of them understands it for itself."""
    text = re.sub(rf" ON CLUSTER '{NAME}'", "", statement)
    text = re.sub(r"Replicated(ReplacingMergeTree)\('[^']*', '[^']*'(?:, )?", r"\1(", text)
    return text.replace(" replicated_deduplication_window", " non_replicated_deduplication_window")
