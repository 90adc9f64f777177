"""Advice, months and crossings over two shards: what lies apart is found together."""

from __future__ import annotations

import pytest

from spanledger_store.engine import Engine
from tests.store import test_advice, test_month
from tests.store.test_month import ahead  # noqa: F401 - a fixture of the tests below
from tests.support.cluster import ClusterEngine

test_models = test_advice.test_a_cheaper_model_is_what_it_charges_for_the_same_calls
test_scores = test_advice.test_scores_are_means_over_sessions_of_both_models
test_repeats = test_advice.test_a_question_that_comes_again_word_for_word
test_near = test_advice.test_near_questions_begin_a_session_and_are_lines_of_their_own
test_prefixes = test_advice.test_what_a_prompt_cache_would_have_read
test_months = test_month.test_the_same_days_of_the_month_before
test_crossing = test_month.test_rows_and_columns_hold_everything
test_budgets = test_month.test_budgets_end_where_the_forecast_of_their_calls_does


@pytest.fixture
def engine(cluster: ClusterEngine) -> Engine:
    """Two shards where the tests expect one of the two engines."""
    return cluster
