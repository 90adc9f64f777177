"""A way to the store that can be held, cut or made slow without touching the store itself."""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """Carries TCP connections to a port; `hold` keeps them and lets nothing through, `pause` delays every piece."""

    def __init__(self, target: int) -> None:
        self.pause = 0.0
        self._target = target
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self) -> None:
        """Connections stay, new ones are taken, and nobody hears anything."""
        self._open.clear()

    def release(self) -> None:
        """What was held goes on."""
        self._open.set()

    def close(self) -> None:
        """Take no new connections; those there are end with their peers."""
        self.release()
        self.pause = 0.0
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    store = socket.create_connection(("127.0.0.1", self._target), timeout=5)
                except OSError:
                    client.close()
                    continue
                store.settimeout(None)
                threading.Thread(target=self._both, args=(client, store), daemon=True).start()

    def _both(self, client: socket.socket, store: socket.socket) -> None:
        with client, store:
            back = threading.Thread(target=self._carry, args=(store, client), daemon=True)
            back.start()
            self._carry(client, store)
            back.join()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 16):
                self._open.wait()
                threading.Event().wait(self.pause)
                sink.sendall(piece)
        for end, way in ((source, socket.SHUT_RD), (sink, socket.SHUT_WR)):
            with contextlib.suppress(OSError):
                end.shutdown(way)
