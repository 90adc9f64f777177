"""What holds on one server holds over two shards: tests of the books and of all that changes them, over a cluster."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from spanledger_store.engine import Engine
from tests.store import test_deletion, test_ledger, test_parquet, test_repricing, test_retention
from tests.store.test_parquet import filled  # noqa: F401 - a fixture of the export below
from tests.support.cluster import ClusterEngine

# Fewer examples than on one server: what is looked for here is a kind of statement that is wrong over shards.
FEW = settings(max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
BATCHES = st.lists(st.lists(test_ledger.spans, min_size=1, max_size=8), min_size=1, max_size=3)

test_arrivals = FEW(
    given(steps=test_ledger.steps)(
        test_ledger.test_ledger_equals_spans_for_any_arrivals_repeats_and_changes.hypothesis.inner_test
    )
)
test_deletion_of_any_data = FEW(
    given(batches=BATCHES, kind=st.sampled_from(["customer", "user", "trace"]), recomputed=st.booleans())(
        test_deletion.test_ledger_equals_spans_after_deleting_from_any_data.hypothesis.inner_test
    )
)
test_repricing_of_any_data = FEW(
    given(batches=BATCHES, block=st.sampled_from([1, 20_000]), late=test_ledger.spans)(
        test_repricing.test_ledger_equals_spans_after_repricing_any_data.hypothesis.inner_test
    )
)
test_recomputing_again = test_ledger.test_recomputing_again_changes_nothing
test_sketches = test_ledger.test_latency_sketches_merge_over_slices
test_scores_of_a_session = test_deletion.test_scores_of_a_session_go_when_nothing_of_it_remains
test_retention_of_spans = test_retention.test_spans_go_at_the_day_and_their_money_stays
test_late_and_repeated_spans = test_retention.test_a_late_span_counts_once_and_a_repeated_one_never_again
test_books_of_a_deleted_customer = test_retention.test_deleting_a_customer_takes_its_frozen_books
test_export_and_import = test_parquet.test_a_project_goes_out_and_in_and_in_again


@pytest.fixture
def engine(cluster: ClusterEngine) -> Engine:
    """Two shards where the tests expect one of the two engines."""
    return cluster
