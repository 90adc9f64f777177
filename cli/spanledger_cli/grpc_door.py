"""Where `up` takes OTLP over gRPC, if it does."""

from __future__ import annotations

import importlib.util
import logging

from spanledger_cli import running
from spanledger_cli.errors import InUse, Usage
from spanledger_collector import CollectorSettings
from spanledger_collector.access import is_loopback
from spanledger_collector.collector import Collector

logger = logging.getLogger(__name__)

INSTALLED = importlib.util.find_spec("grpc") is not None
USUAL = 4317


def choose(host: str, asked: int | None) -> int:
    """The port to use, 0 for none. Without one asked for it is the usual one, where that can be had.

    Raises Usage where a port was asked for without the extra, InUse where it is taken; off loopback the usual port
    counts as asked for, since machines elsewhere are told to send there.
    """
    port = USUAL if asked is None else asked
    if port and not INSTALLED:
        if asked is None:
            return 0
        raise Usage(f"--grpc-port {asked} needs the extra: pip install 'spanledger[grpc]'. 0 turns gRPC off.")
    if not port:
        return 0
    try:
        running.listen(host, port).close()
    except OSError as error:
        why = f"cannot listen on {host}:{port} for OTLP over gRPC: {error.strerror or error}"
        remedy = (
            "Choose another port with --grpc-port or SPANLEDGER_GRPC_PORT (0 is off), or stop what uses it: "
            f"ss -ltnp 'sport = :{port}' shows it."
        )
        if asked is not None or not is_loopback(host):
            raise InUse(f"{why}. {remedy}") from error
        logger.warning("%s; going on without gRPC. %s", why, remedy)
        return 0
    return port


class GrpcDoor:
    """The gRPC server of one collector, open while the program serves."""

    def __init__(self, collector: Collector, settings: CollectorSettings) -> None:
        # An extra: what is not installed must not be imported.
        from spanledger_collector.grpc_ingest import GrpcIngest

        self._server = GrpcIngest(collector.receiver, collector.metrics, settings.max_body_bytes)
        self._host, self._port = settings.host, settings.grpc_port
        self.address = ""

    async def open(self) -> None:
        """Begin to answer; `address` says where. A port that was taken meanwhile costs gRPC, and no more."""
        try:
            await self._server.open(self._host, self._port)
        except OSError as error:
            logger.error("%s: going on without it", error)
            return
        self.address = running.local_url(self._host, self._port).removeprefix("http://")

    async def close(self, grace: float) -> None:
        """Take no more; requests under way get `grace` seconds."""
        await self._server.close(grace)
