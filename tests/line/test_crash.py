"""What was acknowledged is there once, whatever happens to the process in between."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from spanledger_collector.pipeline import WORTH_A_PROCESS
from tests.collector.otlp_builder import chat, request, span
from tests.line.process import Up

BATCH = 50
LARGE_BATCH = 2 * WORTH_A_PROCESS
TOKENS = 100


class Sender(threading.Thread):
    """Sends batches without pause and remembers what was acknowledged; what was not, it sends again."""

    def __init__(self, url: str, batch: int = BATCH) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.batch = batch
        self.acknowledged = 0
        self.stopping = threading.Event()
        self.unsure: bytes | None = None

    def run(self) -> None:
        while not self.stopping.is_set():
            body = self.unsure or request(*(span(chat(TOKENS)) for _ in range(self.batch))).SerializeToString()
            self.unsure = body
            if not self.send(body, self.batch):
                self.stopping.wait(0.02)

    def send(self, body: bytes, spans: int) -> bool:
        headers = {"content-type": "application/x-protobuf"}
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{self.url}/v1/traces", body, headers), timeout=10):
                self.acknowledged += spans
                self.unsure = None
                return True
        except (OSError, urllib.error.URLError):
            return False


@pytest.mark.parametrize("times", [1, pytest.param(5, marks=pytest.mark.long)])
def test_kill_9_again_and_again_under_load_loses_and_doubles_nothing(tmp_path: Path, times: int) -> None:
    data = tmp_path / "data"
    batches = [LARGE_BATCH, BATCH, BATCH]
    carried: list[bytes | None] = [None] * len(batches)
    acknowledged = 0
    for round_number in range(times):
        up = Up(data)
        senders = [Sender(up.url, batch) for batch in batches]
        for sender, unsure in zip(senders, carried, strict=True):
            # What the last crash left unanswered is sent again, as an exporter would.
            sender.unsure = unsure
            sender.start()
        enough, beside = 2000 * (1 + round_number % 2), list[psutil.Process]()
        deadline = time.monotonic() + 180
        while sum(sender.acknowledged for sender in senders) < enough or not beside:
            assert time.monotonic() < deadline, "a large batch had no process beside"
            time.sleep(0.05)
            beside = psutil.Process(up.process.pid).children(recursive=True)
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
    for body, batch in zip(carried, batches, strict=True):
        if body is not None:
            assert last.send(body, batch)
    acknowledged += last.acknowledged
    assert acknowledged >= 2000 * times
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
