"""What pages and API ask is answered the same over two shards: the reports' tests, over a cluster."""

from __future__ import annotations

import pytest

from spanledger_store.engine import Engine
from tests.store import test_reports
from tests.store.test_reports import filled, scope  # noqa: F401 - fixtures of the tests below
from tests.support.cluster import ClusterEngine

test_totals = test_reports.test_totals_are_exact_and_unpriced_calls_are_counted
test_ledger_and_spans_alike = test_reports.test_ledger_and_spans_answer_alike
test_dimensions_of_spans = test_reports.test_dimensions_the_ledger_lacks_come_from_spans
test_pages = test_reports.test_pages_of_traces_are_whole
test_searches = test_reports.test_searches_narrow_traces
test_facets = test_reports.test_the_histogram_and_the_facets_count_traces
test_users = test_reports.test_one_users_traces_are_found_among_all
test_one_trace = test_reports.test_one_trace_with_what_it_carried


@pytest.fixture
def engine(cluster: ClusterEngine) -> Engine:
    """Two shards where the tests expect one of the two engines."""
    return cluster
