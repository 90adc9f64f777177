"""The cluster form: its schema as text, its rows on their shards, and what a missing shard means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from spanledger_analytics.jobs import ledger as job
from spanledger_store import health, ledger
from spanledger_store.cluster import SHARDING, VIEWS, Cluster, found
from spanledger_store.columns import HOUR_NS, SpanBatch
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.errors import ClusterInvalid, MigrationError, QueryError, StoreUnavailable
from spanledger_store.lifecycle import backup, deletion, retention
from spanledger_store.lifecycle.deletion import Subject
from spanledger_store.migrate import LEDGER, migrate, pending, script, shipped
from spanledger_store.reports import calls
from spanledger_store.scope import Scope
from spanledger_store.settings import StoreSettings
from spanledger_store.writer import write
from tests.store.rows import content_row, span_row
from tests.store.test_ledger import START, by_slice
from tests.support.cluster import NAME, ClusterEngine, Server, servers

GOLDEN = Path(__file__).parent / "golden"
MAIN = Cluster("main", "spanledger", shards=2, replicas=2)


def batch(name: str, count: int, **values: object) -> SpanBatch:
    """Spans of as many traces over three hours."""
    rows = [
        {
            "trace_id": f"{n:032x}",
            "span_id": f"{n:016x}",
            "start_time": START + n % 3 * HOUR_NS,
            "cost_usd": Decimal(n + 1),
            **values,
        }
        for n in range(count)
    ]
    return SpanBatch(name, [span_row(**each) for each in rows], [content_row(input="words", **each) for each in rows])


@pytest.mark.parametrize(("name", "cluster"), [("one_server", None), ("cluster", MAIN)])
def test_the_schema_is_the_golden_one(name: str, cluster: Cluster | None) -> None:
    """After a change on purpose: make golden."""
    assert script(cluster) == (GOLDEN / f"{name}.sql").read_text(encoding="utf-8")


def test_every_table_and_view_has_a_place_in_the_cluster() -> None:
    text = LEDGER + "".join(each.text for each in shipped())
    assert set(re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", text)) == set(SHARDING)
    views = set(re.findall(r"VIEW (?:IF NOT EXISTS )?(\w+) \$\{on_cluster\} AS[^;]*?FROM (\w+) FINAL", text))
    assert views == set(VIEWS.items())


def test_a_row_keeps_its_shard_whatever_its_version() -> None:
    """A sharding key made of anything but the sorting key would let two versions of one row live on two shards."""
    text = LEDGER + "".join(each.text for each in shipped())
    keys = dict(
        re.findall(r"CREATE TABLE IF NOT EXISTS (\w+) .*?ORDER BY ([^;]*?)(?:\nTTL|\nSETTINGS|;|\Z)", text, re.S)
    )
    for table, expression in SHARDING.items():
        used = set(re.findall(r"\w+", expression)) - {"cityHash64"}
        assert used <= set(re.findall(r"\w+", keys[table])), table


def test_statements_without_a_cluster_form_are_refused_by_name() -> None:
    with pytest.raises(ClusterInvalid, match="OPTIMIZE TABLE span_rows"):
        MAIN.schema("OPTIMIZE TABLE span_rows")
    with pytest.raises(ClusterInvalid, match="no_such has no sharding key"):
        MAIN.schema("CREATE TABLE IF NOT EXISTS no_such ON CLUSTER 'main' (a String)")
    with pytest.raises(QueryError, match="cannot be dropped by name"):
        MAIN.everywhere("ALTER TABLE span_rows DROP PART 'all_1_1_0'")


def test_a_change_of_rows_names_every_shard_and_asks_all_of_them() -> None:
    assert MAIN.everywhere(
        "-- Why.\nALTER TABLE log_rows DELETE WHERE a NOT IN (SELECT a FROM spans WHERE b IN (-- c\nSELECT 1))"
    ) == (
        "ALTER TABLE spanledger.log_rows_local ON CLUSTER 'main' DELETE WHERE "
        "a GLOBAL NOT IN (SELECT a FROM spanledger.spans WHERE b GLOBAL IN (\nSELECT 1))"
    )
    for unchanged in ("INSERT INTO span_rows SELECT 1", "ALTER TABLE other DELETE WHERE 1", "DROP TABLE span_rows"):
        assert MAIN.everywhere(unchanged) == unchanged


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("other", 2, 1, 1, 1), "it knows: other"),
        (("main", 2, 1, 2, 1), "1 to 2 replicas"),
        (("main", 2, 1, 1, 9), "weight 9"),
    ],
)
def test_clusters_that_would_split_rows_are_refused(row: tuple[object, ...], reason: str) -> None:
    with pytest.raises(ClusterInvalid, match=reason):
        found("main", "spanledger", [row])


def test_inserts_wait_for_every_replica_before_they_are_acknowledged() -> None:
    assert found("main", "spanledger", [("main", 2, 3, 3, 1)]).settings["insert_quorum"] == 3
    assert "insert_quorum" not in found("main", "spanledger", [("main", 2, 1, 1, 1)]).settings


def test_a_cluster_needs_the_address_of_a_server(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="SPANLEDGER_CLICKHOUSE_URL"):
        StoreSettings(data=tmp_path, cluster="main")


def test_versions_of_a_span_meet_on_one_shard_and_an_hour_of_books_lies_on_one(
    cluster: ClusterEngine, control: Control
) -> None:
    write(cluster, control, batch("a", 60))
    write(cluster, control, batch("again", 60, customer="globex"))
    job.run(cluster, control)
    assert all(cluster.on_shards("SELECT count() FROM span_rows_local"))
    assert sum(cluster.on_shards("SELECT count() FROM spans_local")) == 60
    assert cluster.rows("SELECT uniqExact(trace_id), groupUniqArray(customer) FROM spans") == [(60, ["globex"])]
    held = cluster.rows("SELECT hour, uniqExact(_shard_num) FROM ledger_rows GROUP BY hour")
    assert [shards for _, shards in held] == [1, 1, 1]
    assert health.ledger_check(cluster, control).state == "ok"


def test_an_insert_that_is_repeated_after_a_failure_is_stored_once(cluster: ClusterEngine, control: Control) -> None:
    for _ in range(2):
        write(cluster, control, batch("a", 60))
    assert cluster.rows("SELECT count() FROM span_rows") == [(60,)]


def test_both_forms_answer_alike(cluster: ClusterEngine, embedded: Engine, control: Control) -> None:
    for engine in (embedded, cluster):
        write(engine, control, batch("a", 200))
        write(engine, control, batch("b", 50, customer="globex", model="claude", ingested_at=START * 2))
        job.run(engine, control)
        write(engine, control, batch("a", 200))
    assert by_slice(cluster) == by_slice(embedded)
    moments = [datetime.fromtimestamp((START + n * HOUR_NS) // 10**9, UTC) for n in (0, 3)]
    scope = Scope("default", *moments)
    assert calls.totals(cluster, scope) == calls.totals(embedded, scope)
    assert calls.totals(cluster, scope).cost == sum(range(1, 201))


def test_shards_sum_their_own_spans_and_only_sums_travel(cluster: ClusterEngine) -> None:
    plan = [row[0] for row in cluster.rows(f"EXPLAIN SELECT * EXCEPT (identities) FROM ({ledger.of_spans('true')})")]
    assert "MergingAggregated" in plan
    plan = [row[0] for row in cluster.rows("EXPLAIN SELECT sum(cost_usd) FROM ledger WHERE project_id = 'default'")]
    assert "MergingAggregated" in plan


def test_expired_months_leave_every_shards_disk(cluster: ClusterEngine, control: Control) -> None:
    """Parts have the same names on every shard, and are never dropped by them."""
    write(cluster, control, batch("old", 40, start_time=1_735_000_000_000_000_000))
    write(cluster, control, batch("new", 40))
    job.run(cluster, control)
    before = cluster.rows("SELECT sum(calls), sum(cost_usd) FROM ledger")
    retention.choose(control, "default", {"spans": 100})
    retention.run(cluster, control, now=datetime.fromtimestamp(START // 10**9, UTC), interface="test")
    assert sum(cluster.on_shards("SELECT sum(rows) FROM system.parts WHERE table = 'span_rows_local' AND active")) == 40
    assert cluster.rows("SELECT count() FROM spans") == [(40,)]
    assert cluster.rows("SELECT sum(calls), sum(cost_usd) FROM ledger") == before
    assert health.ledger_check(cluster, control).state == "ok"


def test_a_deleted_customer_is_gone_from_every_shard(cluster: ClusterEngine, control: Control) -> None:
    write(cluster, control, batch("a", 40))
    write(cluster, control, batch("b", 40, start_time=START, project_id="other"))
    job.run(cluster, control)
    assert deletion.delete(cluster, control, Subject("customer", "acme"), interface="test").complete
    assert sum(cluster.on_shards("SELECT count() FROM span_rows_local WHERE project_id = 'default'")) == 0
    assert cluster.rows("SELECT sum(calls) FROM ledger") == [(40,)]


def test_a_backup_of_a_cluster_goes_where_all_servers_reach(
    cluster: ClusterEngine, control: Control, tmp_path: Path
) -> None:
    with pytest.raises(backup.BackupRefused, match="--engine-at"):
        backup.backup(cluster, control, tmp_path / "spool.db", tmp_path / "backup")
    write(cluster, control, batch("a", 40))
    assert backup.table_counts(cluster)["span_rows"] == 40


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Server]]:
    """Two servers that a test may kill."""
    running = servers(tmp_path / "nodes")
    yield running
    for node in running:
        node.stop()


def test_without_a_shard_nothing_is_answered_from_the_others_and_inserts_arrive_later(
    nodes: list[Server], control: Control, tmp_path: Path
) -> None:
    with ClusterEngine(tmp_path / "data", nodes) as engine:
        migrate(engine)
        write(engine, control, batch("a", 40))
        job.run(engine, control)
        nodes[1].kill()
        for sql in ("SELECT sum(cost_usd) FROM ledger", "SELECT count() FROM spans", ledger.differences()):
            with pytest.raises(StoreUnavailable, match=rf"of the cluster, {nodes[1].tcp} cannot be reached"):
                engine.rows(sql)
        with pytest.raises(StoreUnavailable, match=rf"{nodes[1].tcp} cannot be reached"):
            write(engine, control, batch("b", 40, customer="globex", ingested_at=START * 2))
        nodes[1].start()
        write(engine, control, batch("b", 40, customer="globex", ingested_at=START * 2))
        job.run(engine, control)
        once = [("globex", 40, Decimal(820))]
        assert engine.rows("SELECT customer, count(), sum(cost_usd) FROM spans GROUP BY 1") == once
        assert engine.rows("SELECT customer, sum(calls), sum(cost_usd) FROM ledger GROUP BY 1") == once
        assert engine.rows("SELECT count() FROM span_rows") == [(80,)]


def test_a_database_of_one_form_is_refused_by_the_other(cluster: ClusterEngine, tmp_path: Path) -> None:
    address = SecretStr(cluster.nodes[0].url)
    with (
        Engine(StoreSettings(data=tmp_path, clickhouse_url=address)) as engine,
        pytest.raises(MigrationError, match=f"SPANLEDGER_CLUSTER={NAME}"),
    ):
        pending(engine)
    with Engine(StoreSettings(data=tmp_path, clickhouse_url=address, database="alone")) as engine:
        migrate(engine)
    cluster.database, own = "alone", cluster.database
    try:
        with pytest.raises(MigrationError, match="was made for one server"):
            pending(cluster)
    finally:
        cluster.database = own
    assert pending(cluster) == []


def test_a_cluster_that_has_lost_a_shard_for_good_is_refused_and_a_new_one_is_left_alone(
    cluster: ClusterEngine,
) -> None:
    made = cluster.cluster
    assert made is not None
    try:
        cluster.cluster = Cluster(NAME, made.database, shards=1)
        with pytest.raises(MigrationError, match=r"spread over 2 shard\(s\) of cluster test"):
            pending(cluster)
        cluster.cluster = Cluster(NAME, made.database, shards=3)
        assert pending(cluster) == []
    finally:
        cluster.cluster = made
