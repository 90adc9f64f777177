"""Forecasts over two shards: kept, replaced, held against the books and forgotten as on one server."""

from __future__ import annotations

import pytest

from spanledger_store.engine import Engine
from tests.store import test_forecasts
from tests.support.cluster import ClusterEngine

test_replacing = test_forecasts.test_what_is_stored_is_read_and_a_later_one_takes_its_place
test_accuracy = test_forecasts.test_accuracy_is_that_of_the_days_that_are_over
test_documents = test_forecasts.test_a_document_has_everything_first_and_bands_of_its_values


@pytest.fixture
def engine(cluster: ClusterEngine) -> Engine:
    """Two shards where the tests expect one of the two engines."""
    return cluster
