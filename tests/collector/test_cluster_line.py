"""The line over two shards: what is acknowledged while one is away waits in the spool and arrives once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spanledger_analytics.jobs import ledger as job
from spanledger_store.control import Control
from spanledger_store.errors import StoreUnavailable
from spanledger_store.health import ledger_check
from spanledger_store.migrate import migrate
from tests.collector import test_logs
from tests.collector.conftest import Line, open_line
from tests.collector.otlp_builder import chat, request, span
from tests.support.cluster import ClusterEngine, servers

# Records and spans lie on different shards, and are joined all the same.
test_contents_from_logs = test_logs.test_content_told_by_an_event_is_its_spans_content


@pytest.fixture
def both(control: Control, tmp_path: Path) -> Iterator[Line]:
    """A collector over two shards, where the test expects one over either engine."""
    nodes = servers(tmp_path / "nodes")
    with ClusterEngine(tmp_path, nodes) as engine:
        migrate(engine)
        yield from open_line(engine, control)
    for node in nodes:
        node.stop()


def test_spans_sent_while_a_shard_is_away_arrive_once_it_is_back(control: Control, tmp_path: Path) -> None:
    nodes = servers(tmp_path / "nodes")
    data = tmp_path / "data"
    data.mkdir()
    with ClusterEngine(data, nodes) as engine:
        migrate(engine)
        for line in open_line(engine, control):
            assert line.post(request(*(span(chat()) for _ in range(20))).SerializeToString()).status_code == 200
            assert line.stored() == 20
            nodes[1].kill()
            body = request(*(span(chat()) for _ in range(40))).SerializeToString()
            assert line.post(body).status_code == 200
            deadline = time.monotonic() + 60
            while (reason := line.client.get("/readyz")).status_code == 200 and time.monotonic() < deadline:
                time.sleep(0.05)
            assert f"{nodes[1].tcp} cannot be reached" in reason.text
            # What the other shard took of the batch shows nowhere: no answer is made from one shard alone.
            with pytest.raises(StoreUnavailable, match=nodes[1].tcp):
                engine.rows("SELECT count() FROM spans")
            assert line.collector.spool.stats().spans == 40
            nodes[1].start()
            assert line.stored() == 60
            # A sender that never got its answer sends the same again.
            assert line.post(body).status_code == 200
            assert line.stored() == 60
            job.run(engine, control)
            assert engine.rows("SELECT sum(calls) FROM ledger") == [(60,)]
            assert ledger_check(engine, control).state == "ok"
    for node in nodes:
        node.stop()
