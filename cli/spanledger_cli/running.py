"""The `spanledger up` that holds a data directory, found through the file it leaves there."""

from __future__ import annotations

import http.client
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from spanledger_cli.errors import CliError, Refused

FILE = "up.json"
GREETING_SECONDS = 5.0
# Longer than the longest query may take, so that the server's own explanation arrives first.
ANSWER_SECONDS = 120.0
# What a server answers where the request itself is wrong.
_REFUSED = (400, 404, 409, 422)


@dataclass(frozen=True, slots=True)
class Running:
    """A running `up`: where it listens, and the token that lets this machine's user in.

    `grpc` is where it takes OTLP over gRPC, '' where it does not.
    """

    pid: int
    url: str
    token: str
    grpc: str = ""

    def __repr__(self) -> str:
        return f"Running(pid={self.pid}, url={self.url!r})"

    def get(self, path: str) -> Any:
        """The JSON at `path`. Raises CliError with the server's own explanation, or with why there is none."""
        return self._call("GET", path, None, ANSWER_SECONDS)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON answer to a JSON body. Raises CliError like `get`."""
        return self._call("POST", path, body, ANSWER_SECONDS)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON answer to a JSON body. Raises CliError like `get`."""
        return self._call("PUT", path, body, ANSWER_SECONDS)

    def delete(self, path: str) -> Any:
        """The JSON answer. Raises CliError like `get`."""
        return self._call("DELETE", path, None, ANSWER_SECONDS)

    def answers(self) -> bool:
        """True where the process at this address says that it is well."""
        try:
            return self._call("GET", "/healthz", None, GREETING_SECONDS) == {"status": "ok"}
        except CliError:
            return False

    def _call(self, method: str, path: str, body: dict[str, Any] | None, timeout: float) -> Any:
        parts = urlsplit(self.url)
        # Not urllib's opener: a proxy from the environment has no business between two local processes.
        connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=timeout)
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise CliError(
                f"Spanledger runs at {self.url} as process {self.pid} but does not answer: "
                f"{error or type(error).__name__}. Look at its terminal, or stop it and try again."
            ) from error
        finally:
            connection.close()
        return _understood(answer.status, content, f"{method} {path}")


def _understood(status: int, content: bytes, what: str) -> Any:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise CliError(f"{what} answered {status} with something that is not JSON: {content[:80]!r}.") from error
    if status >= 400:
        detail = document.get("detail", document) if isinstance(document, dict) else document
        kind = Refused if status in _REFUSED else CliError
        raise kind(detail if isinstance(detail, str) else f"{what} answered {status}: {json.dumps(detail)}")
    return document


def find(data: Path) -> Running | None:
    """The `up` that serves this directory and answers, or None; a file left by a dead process counts as none."""
    found = _read(data / FILE)
    if found is None or not _alive(found.pid) or not found.answers():
        return None
    return found


def announce(data: Path, running: Running) -> None:
    """Leave the file that `find` reads, for this user's eyes only."""
    target = data / FILE
    fresh = data / f"{FILE}.{running.pid}"
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"pid": running.pid, "url": running.url, "token": running.token, "grpc": running.grpc}, file)
    fresh.replace(target)


def withdraw(data: Path, pid: int) -> None:
    """Take the file away, if it is still that process's own."""
    found = _read(data / FILE)
    if found is not None and found.pid == pid:
        (data / FILE).unlink(missing_ok=True)


def local_url(host: str, port: int) -> str:
    """The address at which this machine reaches a server bound to `host`."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises OSError."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except BaseException:
        bound.close()
        raise
    return bound


def _read(path: Path) -> Running | None:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        return Running(int(held["pid"]), str(held["url"]), str(held["token"]), str(held.get("grpc", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
