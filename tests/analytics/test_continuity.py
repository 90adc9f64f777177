"""Names stay while they are true, of clusters and of topics of topics."""

from __future__ import annotations

import numpy as np
import pytest

from spanledger_analytics import continuity
from spanledger_analytics.topics import Described, joined
from spanledger_store.quality.clusters import Called

WORDS = ("parcel", "late", "courier", "depot", "address")


def now(label: str, terms: tuple[str, ...]) -> Described:
    return Described(label, terms[:10], (0,), terms)


@pytest.mark.parametrize(
    ("was", "terms", "shown"),
    [
        # The same words in another order.
        ("parcel, late", WORDS[::-1], "parcel, late"),
        # A word that too few people write by now, or nobody does.
        ("parcel, late", ("parcel", "courier", "depot", "address"), "anew"),
        # Another matter, though the words of the name are still in it.
        ("parcel, late", ("refund", "card", "parcel", "late"), "anew"),
        # A name that an endpoint gave, of words of its own.
        ("Lost deliveries", WORDS, "Lost deliveries"),
        ("Lost deliveries", ("refund", "card", "money"), "anew"),
        ("", WORDS, "anew"),
    ],
)
def test_a_name_stays_while_it_is_true(was: str, terms: tuple[str, ...], shown: str) -> None:
    before = {7: Called(was, WORDS, 1, "parcels")}
    assert continuity.kept({0: now("anew", terms)}, [7], before)[0].label == shown


def test_a_cluster_that_too_few_people_ask_about_has_no_name() -> None:
    told = continuity.kept({0: now("", ())}, [7], {7: Called("parcel, late", WORDS, 1, "parcels")})
    assert told[0].label == ""


def test_topics_keep_their_numbers_and_new_ones_get_fresh_ones() -> None:
    before = {1: Called("", (), 4, "parcels"), 2: Called("", (), 4, "parcels"), 3: Called("", (), 9, "money")}
    # Clusters at positions 0 to 3; the last is of calls that were in none.
    earlier = np.repeat([1, 2, 3, 0], 50)
    positions = np.repeat([1, 0, 2, 3], 50)
    made = continuity.topics(before, 10, earlier, positions, np.array([1, 1, 0, 2]))
    assert made.ids == (9, 4, 10)
    assert made.free == 11
    assert made.labels == {0: "money", 1: "parcels"}


def test_the_first_topics_are_numbered_from_the_next_free_number() -> None:
    nothing = np.zeros(4, dtype=np.int64)
    made = continuity.topics({}, 5, nothing, np.array([0, 1, 1, -1]), np.array([0, 1]))
    assert (made.ids, made.free, dict(made.labels)) == ((5, 6), 7, {})


def test_topics_have_different_names_and_keep_what_is_true() -> None:
    told = {
        at: Described("", words, ())
        for at, words in enumerate([("card", "refund"), ("card", "refund", "bank"), ("invoice", "tax"), ("tax",)])
    }
    assert joined(told, [0, 1, 2, 2], [9, 5, 7, 1], {2: "tax, invoice"}) == {
        0: "card, refund", 1: "card, refund, bank", 2: "tax, invoice",
    }  # fmt: skip
    assert joined(told, [0, 1, 2, 2], [9, 5, 7, 1], {2: "tax, parcels"})[2] == "invoice, tax"
