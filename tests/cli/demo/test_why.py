"""The month's cost events, explained from the ledger: which slice, and what about it."""

from __future__ import annotations

import polars as pl
import pytest

from spanledger_analytics.methods.changes.culprits import culprits
from spanledger_analytics.methods.changes.decomposition import decompose, total
from tests.cli.demo.conftest import Month
from tests.support.demo_events import BY, COST_EVENTS, verdict
from tests.support.demo_lines import compared, lines


@pytest.fixture(scope="module")
def ledger(month: Month) -> pl.DataFrame:
    return lines(month.traces)


@pytest.mark.parametrize("kind", COST_EVENTS)
def test_the_first_culprit_is_the_events_slice_for_the_events_reason(month: Month, ledger: pl.DataFrame, kind) -> None:
    found = verdict(month.story, month.event(kind), ledger)
    assert (found.rank_alone, found.driver_right) == (1, True)


def test_the_prompt_version_that_did_it_is_told(month: Month, ledger: pl.DataFrame) -> None:
    event = month.event("token_increase")
    found = culprits(*compared(ledger, event.start_ns, event.end_ns), BY, ("prompt_version",))
    named = {"customer": event.where["customer"], "feature": event.where["feature"]}
    assert event.where["prompt_version"] in {each.since.get("prompt_version") for each in found if each.slice == named}


@pytest.mark.parametrize("kind", COST_EVENTS)
def test_its_terms_are_the_change_to_the_last_digit(month: Month, ledger: pl.DataFrame, kind) -> None:
    event = month.event(kind)
    before, after = compared(ledger, event.start_ns, event.end_ns)
    found = decompose(before, after, BY)
    assert total(term.amount for term in found.terms) == after["cost_usd"].sum() - before["cost_usd"].sum()
