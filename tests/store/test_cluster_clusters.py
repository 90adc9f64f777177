"""Clusters and vectors over two shards: assigned, listed, sampled and deleted as on one server."""

from __future__ import annotations

import pytest

from spanledger_store.engine import Engine
from tests.analytics import test_embedding_job
from tests.store import test_clusters
from tests.support.cluster import ClusterEngine

filled = test_clusters.filled
test_list = test_clusters.test_the_list_adds_up_and_weighs_what_was_chosen_by_chance
test_said = test_clusters.test_what_people_say_holds_for_numbers
test_shown = test_clusters.test_a_cluster_is_shown_with_its_calls
test_scores = test_clusters.test_scores_of_calls_and_of_their_traces_are_a_cluster_s
test_map = test_clusters.test_the_map_has_what_has_a_place_in_the_codebook_in_use
test_newer = test_clusters.test_a_newer_codebook_wins_whichever_is_written_last
test_pages = test_clusters.test_pages_come_to_every_vector_once
test_sample = test_clusters.test_a_sample_has_whole_sessions
test_deleting = test_clusters.test_deleting_a_customer_takes_its_calls_out_of_clusters
test_embedding = test_embedding_job.test_vectors_that_were_sent_win_and_what_is_no_call_gets_none


@pytest.fixture
def engine(cluster: ClusterEngine) -> Engine:
    """Two shards where the tests expect one of the two engines."""
    return cluster
