"""The cluster form: which shard a row belongs to, and how statements about one server become ones about all of them.

A table of the single-server form is two here. `span_rows_local` exists on every server and holds the rows;
`span_rows` is a Distributed table over them, which is what every query and insert names, so that none has to know.
A view is kept on every server too, with a Distributed table in front, so that a shard filters and sums its own rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from spanledger_store.errors import ClusterInvalid, QueryError

# The expression that picks a row's shard. It takes nothing but columns of the table's key that no newer version of a
# row changes: only then do all versions of it meet on one shard, where FINAL and merges choose between them.
SHARDING: Final[Mapping[str, str]] = {
    "span_rows": "cityHash64(trace_id)",
    "span_content_rows": "cityHash64(trace_id)",
    "embedding_rows": "cityHash64(trace_id)",
    "score_rows": "cityHash64(trace_id)",
    "repricing_rows": "cityHash64(trace_id)",
    "deletion_rows": "cityHash64(trace_id)",
    # A record learns its trace later, and a point belongs to a series whose steps are told from one another.
    "log_rows": "cityHash64(digest)",
    "metric_rows": "cityHash64(series)",
    # An hour lies on one shard: replaced by one insert, it is seen as it was or as it is.
    "ledger_rows": "cityHash64(project_id, hour)",
    "ledger_day_rows": "cityHash64(project_id, day)",
    "ledger_total_rows": "cityHash64(project_id, day)",
    "frozen_rows": "cityHash64(project_id, hour)",
    "bill_rows": "cityHash64(project_id, day)",
    "revenue_rows": "cityHash64(project_id, month)",
    "finding_rows": "cityHash64(id)",
    "drift_rows": "cityHash64(project_id, slice_key)",
    "forecast_rows": "cityHash64(project_id, begins)",
    "cluster_rows": "cityHash64(project_id, codebook)",
    "assignment_rows": "cityHash64(trace_id)",
    "audit_rows": "cityHash64(run)",
    "schema_migrations": "number",
}
VIEWS: Final[Mapping[str, str]] = {
    "spans": "span_rows",
    "span_content": "span_content_rows",
    "embeddings": "embedding_rows",
    "scores": "score_rows",
    "logs": "log_rows",
    "metrics": "metric_rows",
    "ledger": "ledger_rows",
    "latency": "ledger_rows",
    "ledger_days": "ledger_day_rows",
    "ledger_totals": "ledger_total_rows",
    "frozen": "frozen_rows",
    "bills": "bill_rows",
    "revenue": "revenue_rows",
    "findings": "finding_rows",
    "drift": "drift_rows",
    "forecasts": "forecast_rows",
    "clusters": "cluster_rows",
    "assignments": "assignment_rows",
    "audit": "audit_rows",
}
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Longer than this no statement on all servers is waited for; the driver gives up after 300 seconds.
DDL_SECONDS: Final = 280

_COMMENTS: Final = re.compile(r"--[^\n]*")
_TABLE: Final = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+) ON CLUSTER '\w+'\s*\(")
_VIEW: Final = re.compile(r"CREATE (?:VIEW IF NOT EXISTS|OR REPLACE VIEW) (\w+) ON CLUSTER '\w+'\s+AS\b")
_ALTERED: Final = re.compile(r"ALTER TABLE (\w+) ON CLUSTER '\w+'\s+(ADD|MODIFY|DROP) (COLUMN|INDEX)\b")
_ENGINE: Final = re.compile(r"ENGINE = ReplicatedReplacingMergeTree(?:\((\w+)\))?")
_FILLING: Final = re.compile(r"INSERT INTO (\w+)\s+SELECT\b")
_CHANGING: Final = re.compile(r"(ALTER TABLE|DELETE FROM|TRUNCATE TABLE) (\w+)(?=\s|$)")
_SOURCE: Final = re.compile(r"\b(FROM|JOIN) (\w+)\b")
_SUBQUERY: Final = re.compile(r"(?<!GLOBAL )\b((?:NOT )?IN)\s*\((?=\s*SELECT\b)")
_SPREAD: Final = re.compile(r"Distributed\('(?P<cluster>[^']+)'.* % (?P<shards>\d+)\)")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A ClickHouse cluster, by its name in `remote_servers`, and the database on it.

    `shards` is the number that rows are spread over. It is written into the tables and stays what it was when they were
    made: shards that the cluster gets later are not used, and so never split the versions of one row.
    """

    name: str
    database: str
    shards: int
    replicas: int = 1

    @property
    def variables(self) -> dict[str, str]:
        """What the template variables of a migration stand for."""
        return {"on_cluster": f"ON CLUSTER '{self.name}'", "replacing": "ReplicatedReplacingMergeTree"}

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of every statement, so that an answer is whole and an insert that returned is on its shards."""
        chosen: dict[str, Any] = {
            # A sum over some of the shards is a wrong sum.
            "skip_unavailable_shards": 0,
            # Not queued on the server that took it: the spool is the queue, and forgets a batch when this returns.
            "distributed_foreground_insert": 1,
            # Subqueries are about all shards, whichever shard they are asked for on.
            "distributed_product_mode": "global",
            # Rows are read on one shard and belong on another.
            "parallel_distributed_insert_select": 0,
            # One trace is one shard's affair, and a shard groups by trace on its own.
            "optimize_skip_unused_shards": 1,
            # Replicas run a mutation each for itself; those of ours read lists that are not written meanwhile.
            "allow_nondeterministic_mutations": 1,
            "distributed_ddl_task_timeout": DDL_SECONDS,
        }
        if self.replicas > 1:
            # On every replica before the mark that has it read: whichever replica answers, the ledger has it.
            chosen["insert_quorum"] = self.replicas
        return chosen

    def schema(self, statement: str) -> list[str]:
        """One statement of a migration, its variables filled in, as those that do the same on every server.

        Raises ClusterInvalid for a table without a sharding key, and for a statement of another kind.
        """
        if match := _TABLE.match(statement):
            return [self._stored(match[1], statement), self._front(match[1], "CREATE TABLE IF NOT EXISTS")]
        if match := _VIEW.match(statement):
            return [self._seen(match[1], statement), self._front(match[1], _front_of_view(statement))]
        if match := _ALTERED.match(statement):
            local = statement.replace(f"TABLE {match[1]} ", f"TABLE {self._local(match[1])} ", 1)
            if match[3] == "INDEX":
                return [local]
            return [local, statement.replace(f"TABLE {match[1]} ", f"TABLE {self.database}.{match[1]} ", 1)]
        if (match := _FILLING.match(statement)) and match[1] in SHARDING:
            # Asked once, of all shards: the tables in front read from them and write to them.
            return [statement]
        raise ClusterInvalid(
            f"a migration holds a statement that has no cluster form: {statement.splitlines()[0]!r}. Use CREATE TABLE, "
            "CREATE VIEW, or ALTER TABLE with ADD, MODIFY or DROP of a COLUMN or INDEX, each with ${on_cluster}; or "
            "INSERT INTO ... SELECT."
        )

    def everywhere(self, statement: str) -> str:
        """A statement that changes stored rows in place, made to run on every shard; any other as it is.

        Its subqueries are about all shards. Raises QueryError for a part by name: every shard has one of that name.
        """
        text = _COMMENTS.sub("", statement).lstrip()
        match = _CHANGING.match(text)
        if match is None or match[2] not in SHARDING:
            return statement
        if re.search(r"\bDROP PART\b", text):
            raise QueryError(f"{match[2]}: parts of a cluster cannot be dropped by name, which each shard gives anew.")
        head = f"{match[1]} {self._local(match[2])} ON CLUSTER '{self.name}'"
        # The servers run it from a queue, in no database and with no settings of ours.
        rest = _SOURCE.sub(self._qualified, text[match.end() :])
        return head + _SUBQUERY.sub(r"GLOBAL \1 (", rest)

    def _qualified(self, match: re.Match[str]) -> str:
        known = match[2] in SHARDING or match[2] in VIEWS
        return f"{match[1]} {self.database}.{match[2]}" if known else match[0]

    def _local(self, name: str) -> str:
        return f"{self.database}.{name}_local"

    def _stored(self, name: str, statement: str) -> str:
        def engine(match: re.Match[str]) -> str:
            version = f", {match[1]}" if match[1] else ""
            path = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
            return f"ENGINE = ReplicatedReplacingMergeTree({path}{version})"

        text = statement.replace(f"EXISTS {name} ", f"EXISTS {self._local(name)} ", 1)
        return _ENGINE.sub(engine, text).replace("non_replicated_deduplication", "replicated_deduplication")

    def _seen(self, name: str, statement: str) -> str:
        text = statement.replace(f"VIEW {name} ", f"VIEW {self._local(name)} ", 1)
        text = text.replace(f"EXISTS {name} ", f"EXISTS {self._local(name)} ", 1)
        return _SOURCE.sub(lambda match: f"{match[1]} {self._local(match[2])}", text)

    def _front(self, name: str, create: str) -> str:
        key = SHARDING.get(VIEWS.get(name, name))
        if key is None:
            raise ClusterInvalid(
                f"{name} has no sharding key. Add it to {__name__}.SHARDING, or to VIEWS if it is a view."
            )
        local = f"{name}_local"
        return (
            f"{create} {self.database}.{name} ON CLUSTER '{self.name}' AS {self.database}.{local}\n"
            f"ENGINE = Distributed('{self.name}', '{self.database}', '{local}', {key} % {self.shards})"
        )


def _front_of_view(statement: str) -> str:
    return "CREATE OR REPLACE TABLE" if statement.startswith("CREATE OR REPLACE") else "CREATE TABLE IF NOT EXISTS"


def found(name: str, database: str, listed: Sequence[Sequence[Any]]) -> Cluster:
    """The cluster of this name among `listed`, the rows of `queries/cluster.sql`.

    Raises ClusterInvalid where the server does not know it, or where its shards are not alike.
    """
    known = {row[0]: row[1:] for row in listed}
    if name not in known:
        others = ", ".join(sorted(known)) or "none"
        raise ClusterInvalid(
            f"this ClickHouse server knows no cluster {name!r}; it knows: {others}. Define it in remote_servers, or "
            "set SPANLEDGER_CLUSTER to one of these."
        )
    shards, fewest, most, heaviest = (int(each) for each in known[name])
    if fewest != most:
        raise ClusterInvalid(
            f"the shards of cluster {name!r} have {fewest} to {most} replicas; give each the same number "
            "in remote_servers."
        )
    if heaviest != 1:
        raise ClusterInvalid(f"a shard of cluster {name!r} has weight {heaviest}; remove <weight> from remote_servers.")
    return Cluster(name, database, shards, most)


def spread(engine_full: str) -> tuple[str, int] | None:
    """The cluster and the number of shards that a table was made for; None for a table of one server."""
    match = _SPREAD.match(engine_full)
    return (match["cluster"], int(match["shards"])) if match else None
