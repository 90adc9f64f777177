"""Senders that repeat every request until it is acknowledged, as an exporter with patience would."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections import Counter

from tests.collector.otlp_builder import chat, request, span

BATCH = 50
TOKENS = 100
PATIENCE = 120.0


class Load:
    """Requests of `BATCH` calls from several threads, to an address that may come and go.

    `text` is the content of the first call of each. After `stop`, `sent` and `acknowledged` are the spans of all
    requests made, and of those that were answered 200.
    """

    def __init__(self, url: str, *, threads: int = 3, pause: float = 0.01, text: str = "") -> None:
        self.url = url
        self.sent = 0
        self.acknowledged = 0
        self.answers: Counter[str] = Counter()
        self._pause = pause
        self._text = text
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._given_up = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            extra = {"gen_ai.input.messages": self._text} if self._text else {}
            calls = [span(chat(TOKENS, **extra)), *(span(chat(TOKENS)) for _ in range(BATCH - 1))]
            body = request(*calls).SerializeToString()
            with self._guard:
                self.sent += BATCH
            while not self._given_up.is_set() and not self._send(body):
                self._given_up.wait(0.1)
            self._stopping.wait(self._pause)

    def _send(self, body: bytes) -> bool:
        headers = {"content-type": "application/x-protobuf"}
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{self.url}/v1/traces", body, headers), timeout=15):
                with self._guard:
                    self.acknowledged += BATCH
                return True
        except urllib.error.HTTPError as error:
            # The answer is a protobuf Status: the message stands in it as it is.
            said = error.read().decode(errors="ignore")
            with self._guard:
                self.answers[f"{error.code} {''.join(c for c in said if c.isprintable())}"] += 1
        except OSError:
            with self._guard:
                self.answers["no answer"] += 1
        return False

    def until(self, acknowledged: int, seconds: float = PATIENCE) -> None:
        """Wait for so many acknowledged spans. Raises AssertionError when that takes too long."""
        waiting = threading.Event()
        for _ in range(int(seconds / 0.05)):
            if self.acknowledged >= acknowledged:
                return
            waiting.wait(0.05)
        raise AssertionError(f"{self.acknowledged} of {acknowledged} acknowledged; answers: {dict(self.answers)}")

    def more(self, spans: int) -> None:
        """Wait until so many more are acknowledged."""
        self.until(self.acknowledged + spans)

    def stop(self) -> None:
        """Make no new request; repeat those under way until they are acknowledged, for a bounded time."""
        self._stopping.set()
        timer = threading.Timer(PATIENCE, self._given_up.set)
        timer.start()
        for thread in self._threads:
            thread.join()
        timer.cancel()
