"""Endpoints that break in the ways that networks break."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def _listening(behave: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """A server that does `behave` with each connection, until told that it is over."""
    is_over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            behave(connection, is_over)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        is_over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _hang(connection: socket.socket, is_over: threading.Event) -> None:
    while not is_over.wait(0.05):
        pass
    del connection


def _drip(connection: socket.socket, is_over: threading.Event) -> None:
    answer = b"HTTP/1.1 200 OK\r\nx-slow: " + b"x" * 60_000
    for byte in answer:
        connection.sendall(bytes([byte]))
        if is_over.wait(1.0):
            return


def _plain(connection: socket.socket, is_over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    is_over.wait(0.05)


Fault = tuple[str, dict[str, str]]


@contextmanager
def refused() -> Iterator[Fault]:
    """Nobody listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}", {}


@contextmanager
def hanging() -> Iterator[Fault]:
    """Accepts and never answers."""
    with _listening(_hang) as port:
        yield f"http://127.0.0.1:{port}", {}


@contextmanager
def dripping() -> Iterator[Fault]:
    """Answers one byte a second, which no timeout of a single read notices."""
    with _listening(_drip) as port:
        yield f"http://127.0.0.1:{port}", {}


@contextmanager
def tls_to_plain() -> Iterator[Fault]:
    """Speaks HTTP where TLS is expected."""
    with _listening(_plain) as port:
        yield f"https://127.0.0.1:{port}", {}


@contextmanager
def unresolvable() -> Iterator[Fault]:
    """A name that is never given to anybody (RFC 6761)."""
    yield "http://collector.invalid:4318", {}


@contextmanager
def dead_proxy() -> Iterator[Fault]:
    """A proxy is set, and nobody listens there."""
    with refused() as (proxy, _):
        yield "http://collector.invalid:4318", {"HTTP_PROXY": proxy, "http_proxy": proxy, "NO_PROXY": ""}


@contextmanager
def hanging_proxy() -> Iterator[Fault]:
    """A proxy is set that accepts and never answers, in front of TLS."""
    with hanging() as (proxy, _):
        yield "https://collector.invalid:4318", {"HTTPS_PROXY": proxy, "https_proxy": proxy, "NO_PROXY": ""}


FAULTS: dict[str, Callable[[], object]] = {
    fault.__name__: fault
    for fault in (refused, hanging, dripping, tls_to_plain, unresolvable, dead_proxy, hanging_proxy)
}


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Return when `condition` holds; AssertionError if it does not come to hold."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, condition
        time.sleep(0.02)


ENVIRONMENT = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}
