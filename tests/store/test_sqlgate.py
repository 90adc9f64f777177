"""The gate lets questions through, exactly, and nothing else."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from spanledger_store.engine import Engine
from spanledger_store.errors import QueryError, QueryRefused, StoreUnavailable
from spanledger_store.settings import StoreSettings
from spanledger_store.sqlgate import MAX_ROWS, check, run_readonly
from spanledger_store.sqltokens import Token, tokenize

READS = [
    "SELECT 1",
    "select 1 as a, 'into outfile' as b, \"a\" + 1 -- file('x')",
    "SELECT 1;",
    "SELECT 1 /* ; file('x') */ ; -- it's; done",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "WITH 1 AS x SELECT x",
    "FROM spans SELECT count()",
    "SELECT count(), sum(input_tokens), sum(output_tokens), sum(cost_usd) FROM spans",
    "SELECT customer, toStartOfDay(hour) AS day, sum(cost_usd) FROM ledger GROUP BY ALL ORDER BY day LIMIT 10",
    "SELECT quantilesTDigestMerge(0.5, 0.95)(duration_digest) FROM latency",
    "SELECT format('{}-{}', 'a', 'b'), if(1, 2, 3), tuple(1, 2).1, [1, 2][1], arrayMap(x -> x, [1])",
    "SELECT 1 AS format, 2 AS settings, 3 AS into WHERE format != settings",
    "SELECT file, url FROM (SELECT 1 AS file, 2 AS url)",
    "SELECT number, c1 FROM numbers(3) AS n, values(1, 2) AS v",
    "SELECT name FROM system.tables WHERE database = 'spanledger'",
    "SELECT name FROM system.columns LIMIT 1",
    "SELECT table_name FROM information_schema.tables LIMIT 1",
    "SHOW TABLES",
    "SHOW CREATE TABLE spans",
    "SHOW COLUMNS FROM spans",
    "DESCRIBE TABLE spans",
    "DESC ledger",
    "EXISTS TABLE spans",
    "EXPLAIN SELECT 1",
    "SELECT 'ä', 'a\\'b', 'a''b', '\\\\' -- ü",
]

REFUSED = {
    "SELECT file('/etc/hostname')": "file",
    "SELECT FILE ('/etc/hostname')": "file",
    "SELECT \"file\"('/etc/hostname')": "file",
    "SELECT `file`/**/('/etc/hostname')": "file",
    "SELECT 1.file('/etc/hostname')": "file",
    "SELECT * APPLY(file) FROM (SELECT '/etc/hostname' AS x)": "file",
    "SELECT * APPLY file FROM (SELECT '/etc/hostname' AS x)": "file",
    "SELECT COLUMNS('x') APPLY(`file`) FROM (SELECT '/etc/hostname' AS x)": "file",
    "SELECT 'a\\\\', file('/etc/hostname'), '": "file|does not end",
    "SELECT '''', file('x'), ''": "file",
    "SELECT * FROM file('/etc/hostname')": "file",
    "SELECT 'x' IN file('/etc/hostname')": "file",
    "DESC url('http://127.0.0.1:1/')": "url",
    "SELECT * FROM s3('http://127.0.0.1:1/b/k')": "s3",
    "SELECT * FROM remote('127.0.0.1', 'system', 'one')": "remote",
    "SELECT * FROM clusterAllReplicas('x', system.one)": "clusterallreplicas",
    "SELECT * FROM merge('system', '^one$')": "merge",
    "SELECT * FROM executable('id', CSV, 'a String')": "executable",
    "SELECT * FROM python(x)": "python",
    "SELECT * FROM sqlite('/tmp/x', 'y')": "sqlite",
    "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')": "mysql",
    "SELECT hasColumnInTable('127.0.0.1:1', 'system', 'one', 'dummy')": "hascolumnintable",
    "SELECT catboostEvaluate('/tmp/x', 1)": "catboost",
    "SELECT sleep(3)": "sleep",
    "SELECT aiGenerate('x')": "aigenerate",
    "SELECT getClientHTTPHeader('authorization')": "getclienthttpheader",
    "SELECT 1 INTO OUTFILE '/tmp/spanledger-gate'": "--format csv",
    "SELECT 1 INTO /* */ OUTFILE '/tmp/spanledger-gate' TRUNCATE": "--format csv",
    "SELECT 1 FORMAT CSV": "--format",
    "SELECT 1 SETTINGS readonly = 0": "readonly",
    "SELECT * FROM (SELECT 1 SETTINGS readonly = 0)": "readonly",
    "SELECT 1 SETTINGS `max_execution_time` = 0": "max_execution_time",
    "SELECT * FROM system.one": "system.one",
    "SELECT * FROM system . processes": "system.processes",
    "SELECT * FROM `system`.users": "system.users",
    'SELECT * FROM "s\\x79stem".one': "backslash",
    "SELECT * FROM SYSTEM.settings": "system.settings",
    "DESCRIBE system.users": "system.users",
    "SELECT * FROM default.`/tmp/x.csv`": "another database",
    "SELECT 1; SELECT 2": "more than one",
    "SELECT 1;; DROP TABLE spans": "more than one",
    "": "no statement",
    " ; -- nothing": "no statement",
    "DROP TABLE span_rows": "DROP",
    "INSERT INTO span_rows SELECT * FROM span_rows": "INSERT",
    "SET readonly = 0": "SET",
    "KILL QUERY WHERE 1": "KILL",
    "SYSTEM SHUTDOWN": "SYSTEM",
    "SHOW GRANTS": "SHOW GRANTS",
    "SHOW CREATE USER default": "SHOW CREATE",
    "SELECT 1 PARALLEL WITH DROP TABLE spans": "one by one",
    "((((": "reading statement",
    "SELECT * FROM {table:Identifier}": "Identifier",
    "SELECT $$a$$": "dollars",
    "SELECT ‘a’": "straight quotes",
    "SELECT file\u200b('/etc/hostname')": "ASCII",
    "SELECT 1 /* /* */ ' */ , file('/etc/hostname') -- '": "inside a comment",
    "SELECT 1\0": "ASCII",
}


@pytest.mark.parametrize("sql", READS)
def test_reading_is_let_through(engine: Engine, sql: str) -> None:
    run_readonly(engine, sql)


@pytest.mark.parametrize(("sql", "says"), REFUSED.items())
def test_the_rest_is_refused_before_the_engine_sees_it(embedded: Engine, sql: str, says: str) -> None:
    with pytest.raises(QueryError, match=f"(?i){says}"):
        run_readonly(embedded, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO score_rows (name) VALUES ('x')",
        "CREATE TABLE spanledger.zz (a UInt8) ENGINE = Memory",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
        "TRUNCATE TABLE span_rows",
    ],
)
def test_the_engine_itself_refuses_what_the_tokens_would_let_pass(
    engine: Engine, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spanledger_store.sqlgate.check", lambda *_: None)
    with pytest.raises(QueryError, match=r"(?i)readonly"):
        run_readonly(engine, sql)


def test_the_engine_can_still_write_afterwards(engine: Engine) -> None:
    run_readonly(engine, "SELECT 1")
    engine.command("CREATE TABLE gate_probe (a UInt8) ENGINE = Memory")
    engine.command("DROP TABLE gate_probe")


def test_values_arrive_unrounded(engine: Engine) -> None:
    sql = """
    SELECT toDecimal128('0.000000000001', 12) AS d, CAST('-1234567.10' AS Nullable(Decimal(18, 2))) AS n,
           toUInt64(18446744073709551615) AS u, toUInt256('18446744073709551616') AS w,
           toDateTime64('2026-01-01 00:00:00.123456789', 9, 'UTC') AS t,
           toDateTime('2026-01-01 00:00:00', 'Europe/Berlin') AS b, toDate('2026-01-02') AS day,
           0.1 AS f, nan AS nan, -inf AS inf, NULL AS nothing, true AS yes,
           toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') AS id, [1, 2] AS l, map('a', 1) AS m, 'ä\n' AS s
    """
    answer = run_readonly(engine, sql)
    assert answer.as_json() == [
        ["0.000000000001", "-1234567.1", 18446744073709551615, "18446744073709551616",
         "2026-01-01T00:00:00.123456789Z", "2025-12-31T23:00:00Z", "2026-01-02",
         0.1, "nan", "-inf", None, True,
         "61f0c404-5cb3-11e7-907b-a6006ad3dba0", [1, 2], {"a": 1}, "ä\n"]
    ]  # fmt: skip
    assert answer.columns[:4] == (
        ("d", "Decimal(38, 12)"),
        ("n", "Nullable(Decimal(18, 2))"),
        ("u", "UInt64"),
        ("w", "UInt256"),
    )


def test_parameters_fill_placeholders(engine: Engine) -> None:
    answer = run_readonly(
        engine,
        "SELECT {at:DateTime('UTC')} AS at, {name:String} AS name",
        {"at": "2026-03-01T10:00:00", "name": "'; DROP TABLE spans"},
    )
    assert answer.as_json() == [["2026-03-01T10:00:00Z", "'; DROP TABLE spans"]]


def test_a_limit_says_what_to_do(engine: Engine) -> None:
    with pytest.raises(QueryError, match=r"100,000 rows\. Add LIMIT"):
        run_readonly(engine, f"SELECT number FROM numbers({MAX_ROWS + 1})")
    with pytest.raises(QueryError, match="GiB of memory"):
        run_readonly(engine, "SELECT groupArray(number) FROM numbers(1000000000)")


def test_a_server_that_went_away_is_unavailable(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = StoreSettings(data=engine.settings.data, clickhouse_url=SecretStr("http://127.0.0.1:9"))
    monkeypatch.setattr(engine, "settings", gone)
    with pytest.raises(StoreUnavailable, match="refused"):
        run_readonly(engine, "SELECT 1")


def test_a_slow_query_is_stopped(embedded: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from spanledger_store import sqlgate

    monkeypatch.setattr(sqlgate, "LIMITS", {**sqlgate.LIMITS, "max_execution_time": 1, "readonly": 1})
    with pytest.raises(QueryError, match="took longer"):
        run_readonly(embedded, "SELECT sum(cityHash64(number)) FROM numbers(1000000000000)")


def test_a_mistake_keeps_the_engines_own_words(engine: Engine) -> None:
    with pytest.raises(QueryError, match="UNKNOWN_IDENTIFIER"):
        run_readonly(engine, "SELECT nothing_like_this FROM spans")


def test_files_stay_where_they_are(embedded: Engine, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    with pytest.raises(QueryRefused):
        run_readonly(embedded, f"SELECT 1 INTO OUTFILE '{target}'")
    assert not target.exists()


def test_tokens_are_stable_under_spacing() -> None:
    """Spaces and comments between tokens never change what the tokens are."""
    rng = random.Random(1)
    pieces = ["SELECT", "file", "(", "'a;b'", ")", ",", '"x y"', ".", "1", ";", "--c\n", "/* d */", "`q`", "from"]
    for _ in range(300):
        chosen = [rng.choice(pieces) for _ in range(rng.randint(0, 12))]
        plain = tokenize(" ".join(chosen))
        spaced = tokenize("\n\t/* ; */ ".join(chosen))
        assert plain == spaced


def test_a_name_is_compared_without_its_quotes() -> None:
    assert tokenize('"a""b" `c` D') == [Token("quoted", 'a"b'), Token("quoted", "c"), Token("word", "d")]
    with pytest.raises(QueryRefused):
        check(tokenize('SELECT "Remote"(1)'), {"remote"}, set())


def test_the_gate_is_safe_for_threads(embedded: Engine) -> None:
    from concurrent.futures import ThreadPoolExecutor

    now = datetime.now(UTC).year
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: run_readonly(embedded, f"SELECT {i} + {now}").rows[0][0], range(40)))
    assert answers == [i + now for i in range(40)]
