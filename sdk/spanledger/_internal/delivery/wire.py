"""One kept HTTP connection whose requests can be cut off by another thread.

The timeouts of `requests` are those of a single read: a server that sends a byte a second is never late. So the
sockets are known here, and `cut` ends whatever waits on them.
"""

from __future__ import annotations

# Both are otherwise loaded with the first request: a child that is forked at that moment could never send one, since
# the lock of a module that is being loaded stays locked in it.
import encodings.idna  # noqa: F401  # pyright: ignore[reportUnusedImport]  (for names of hosts)
import netrc  # noqa: F401  # pyright: ignore[reportUnusedImport]  (by requests)
import socket
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter


class Wire:
    """A session to one endpoint; all methods but `cut` belong to one thread."""

    def __init__(self) -> None:
        self._adapter = _Adapter()
        self._session = self._open()
        self._has_answered = False

    def _open(self) -> requests.Session:
        session = requests.Session()
        session.mount("http://", self._adapter)
        session.mount("https://", self._adapter)
        return session

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: tuple[float, float]
    ) -> requests.Response:
        """Return the answer; raises RequestException.

        A connection that lay idle may have been closed by the other side, or by what lies between, without a word:
        the first request over it is repeated at once over a new one.
        """
        try:
            response = self._send(url, body, headers, timeout)
        except (requests.exceptions.Timeout, requests.exceptions.SSLError, requests.exceptions.ProxyError):
            raise
        except requests.exceptions.ConnectionError:
            if not self._has_answered or self._adapter.is_cut:
                raise
            self._has_answered = False
            response = self._send(url, body, headers, timeout)
        self._has_answered = True
        return response

    def _send(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: tuple[float, float]
    ) -> requests.Response:
        return self._session.post(url, data=body, headers=dict(headers), timeout=timeout, allow_redirects=False)

    def cut(self) -> None:
        """End what waits for an answer, from any thread; no further request succeeds."""
        self._adapter.cut()

    def close(self) -> None:
        """Close the kept connections."""
        # At exit urllib3 lets go of its connections before this thread does, and closes none used later.
        manager: Any = getattr(self._adapter, "poolmanager", None)
        if manager is not None:
            for key in manager.pools.keys():  # noqa: SIM118 - no mapping: it cannot be iterated over
                manager.pools[key].close()
        self._session.close()


class _Adapter(HTTPAdapter):
    """Makes connections that are known while they live."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        self.is_cut = False
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._watch(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        self._watch(manager)
        return manager

    def _watch(self, manager: Any) -> None:
        if "pool_classes_by_scheme" in vars(manager) and not hasattr(manager, "_spanledger_watched"):
            manager._spanledger_watched = True
            manager.pool_classes_by_scheme = {
                scheme: type(pool.__name__, (pool,), {"ConnectionCls": self._watched(pool.ConnectionCls)})
                for scheme, pool in manager.pool_classes_by_scheme.items()
            }

    def _watched(self, kind: Any) -> Any:
        adapter = self

        class Connection(kind):
            def connect(self) -> None:
                super().connect()
                adapter.know(self)

        return Connection

    def know(self, connection: Any) -> None:
        """Remember a connection that was just made."""
        with self._lock:
            self._connections.add(connection)
            is_late = self.is_cut
        if is_late:
            _shut(connection)

    def cut(self) -> None:
        """Shut the sockets of all connections, and of those that are being made."""
        with self._lock:
            self.is_cut = True
            connections = list(self._connections)
        for connection in connections:
            _shut(connection)


def _shut(connection: Any) -> None:
    held = getattr(connection, "sock", None)
    if isinstance(held, socket.socket):
        # Not the method of a TLS socket, which is not to be called while another thread reads.
        with suppress(OSError, ValueError):
            socket.socket.shutdown(held, socket.SHUT_RDWR)
