"""What was acknowledged is there once, whatever happens to the process in between."""

from __future__ import annotations

import itertools
import json
import threading
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.collector.otlp_builder import chat, request, span
from tests.line.process import Up

BATCH = 50
TOKENS = 100


class Sender(threading.Thread):
    """Sends batches without pause and remembers what was acknowledged; what was not, it sends again."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.acknowledged = 0
        self.stopping = threading.Event()
        self.unsure: bytes | None = None

    def run(self) -> None:
        while not self.stopping.is_set():
            body = self.unsure or request(*(span(chat(TOKENS)) for _ in range(BATCH))).SerializeToString()
            self.unsure = body
            if not self.send(body):
                self.stopping.wait(0.02)

    def send(self, body: bytes) -> bool:
        headers = {"content-type": "application/x-protobuf"}
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{self.url}/v1/traces", body, headers), timeout=10):
                self.acknowledged += BATCH
                self.unsure = None
                return True
        except (OSError, urllib.error.URLError):
            return False


@pytest.mark.parametrize("times", [1, pytest.param(5, marks=pytest.mark.long)])
def test_kill_9_again_and_again_under_load_loses_and_doubles_nothing(tmp_path: Path, times: int) -> None:
    data = tmp_path / "data"
    carried: list[bytes | None] = [None] * 3
    acknowledged, helped = 0, False
    for round_number in range(times):
        up = Up(data)
        senders = [Sender(up.url) for _ in carried]
        for sender, unsure in zip(senders, carried, strict=True):
            # What the last crash left unanswered is sent again, as an exporter would.
            sender.unsure = unsure
            sender.start()
        enough = threading.Event()
        for _ in itertools.count():
            enough.wait(0.05)
            if sum(sender.acknowledged for sender in senders) >= 2000 * (1 + round_number % 2):
                break
        beside = psutil.Process(up.process.pid).children(recursive=True)
        helped = helped or bool(beside)
        up.kill()
        _, left = psutil.wait_procs(beside, timeout=30)
        assert not left, "processes of one that was killed live on"
        for sender in senders:
            sender.stopping.set()
            sender.join()
        carried = [sender.unsure for sender in senders]
        acknowledged += sum(sender.acknowledged for sender in senders)

    up = Up(data)
    last = Sender(up.url)
    for body in carried:
        if body is not None:
            assert last.send(body)
    acknowledged += last.acknowledged
    assert acknowledged >= 2000 * times
    assert helped, "no load was large enough for a process beside"
    sums = "toInt64(count()), toInt64(sum(input_tokens)), toInt64(uniqExact(trace_id, span_id))"
    expected = [[acknowledged, acknowledged * TOKENS, acknowledged]]
    assert up.settled(f"SELECT {sums} FROM spans", expected) == expected
    books = [[acknowledged, acknowledged * TOKENS]]
    assert up.settled("SELECT toInt64(sum(calls)), toInt64(sum(input_tokens)) FROM ledger", books) == books
    assert up.query("SELECT (SELECT sum(cost_usd) FROM spans) = (SELECT sum(cost_usd) FROM ledger)") == [[1]]
    # Every span was acknowledged once and is stored once, by the collector's own account too.
    assert accounted(up) == (acknowledged, acknowledged, 0, 0, acknowledged)
    assert up.stop() == 0


def accounted(up: Up) -> tuple[int, ...]:
    """Acknowledged, stored, waiting and quarantined spans as the collector counts them, and those in the store."""
    with urllib.request.urlopen(f"{up.url}/api/v1/accounting", timeout=60) as answer:
        accounts = json.load(answer)["accounts"]
    assert all(each["missing"] == 0 for each in accounts)
    names = ("acknowledged", "stored", "waiting", "quarantined", "present")
    return tuple(sum(each[name] for each in accounts) for name in names)


def test_sigterm_under_load_ends_cleanly_with_everything_stored(tmp_path: Path) -> None:
    data = tmp_path / "data"
    up = Up(data)
    senders = [Sender(up.url) for _ in range(3)]
    for sender in senders:
        sender.start()
    while sum(sender.acknowledged for sender in senders) < 3000:
        threading.Event().wait(0.05)
    assert up.stop() == 0
    for sender in senders:
        sender.stopping.set()
        sender.join()
    acknowledged = sum(sender.acknowledged for sender in senders)
    again = Up(data)
    unsure = sum(sender.unsure is not None for sender in senders) * BATCH
    found = again.settled("SELECT toInt64(count()) FROM spans", [[acknowledged]], seconds=10)[0][0]
    # A request cut off between its commit and its answer may be stored without the sender knowing.
    assert acknowledged <= found <= acknowledged + unsure
    assert again.query("SELECT (SELECT sum(cost_usd) FROM spans) = (SELECT sum(cost_usd) FROM ledger)") == [[1]]
    assert again.stop() == 0
