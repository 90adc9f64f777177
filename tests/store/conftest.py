"""An installation over two shards, beside the engines that every test may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from spanledger_store.migrate import migrate
from tests.conftest import TABLES
from tests.support.cluster import ClusterEngine, servers


@pytest.fixture(scope="session")
def _cluster_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterEngine]:
    nodes = servers(tmp_path_factory.mktemp("cluster"))
    with ClusterEngine(tmp_path_factory.mktemp("beside-cluster"), nodes) as engine:
        migrate(engine)
        yield engine
    for node in nodes:
        node.stop()


@pytest.fixture
def cluster(_cluster_engine: ClusterEngine) -> ClusterEngine:
    """The empty schema over two shards."""
    for table in (*TABLES, "audit_rows", "deletion_rows"):
        _cluster_engine.command(f"TRUNCATE TABLE {table}")
    return _cluster_engine
