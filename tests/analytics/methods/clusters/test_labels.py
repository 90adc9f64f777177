"""Labels name what a cluster has and others lack, and nothing that too few people have written."""

from __future__ import annotations

import random

import numpy as np
import pytest

from spanledger_analytics.labelling import Endpoint
from spanledger_analytics.methods.clusters.errors import BadInput
from spanledger_analytics.methods.clusters.exemplars import exemplars
from spanledger_analytics.methods.clusters.labels import UNNAMED, label, terms
from spanledger_analytics.methods.clusters.naming import Name, answered, parse, prompt

CALLS = [
    *[(f"What is my account balance? {n}", 1, f"u{n % 9}") for n in range(30)],
    *[(f"Please check the balance of my savings account {n}", 1, f"u{n % 7}") for n in range(20)],
    *[(f"Book a flight to Paris, row {n}", 2, f"u{n % 8}") for n in range(40)],
    *[("my password is hunter2 and my account is locked", 1, "u1")] * 20,
    *[("nothing to see", 0, "u1")] * 5,
    *[("secret plan of one customer", 3, "u2")] * 30,
]


def test_terms_tell_a_cluster_and_order_plays_no_part() -> None:
    made = label(*zip(*CALLS, strict=True))
    assert "balance" in made[1].name
    assert "flight" in made[2].name
    assert 0 not in made
    shuffled = random.Random(1).sample(CALLS, len(CALLS))
    assert label(*zip(*shuffled, strict=True)) == made


def test_nothing_is_told_that_fewer_people_than_the_floor_have_written() -> None:
    made = label(*zip(*CALLS, strict=True), floor=5)
    told = {term for each in made.values() for term, _ in each.terms}
    assert not [term for term in told if "hunter2" in term or "password" in term]
    assert made[3] == label(*zip(*CALLS, strict=True), floor=2)[3]
    assert (made[3].name, made[3].terms) == (UNNAMED, ())
    assert "secret" in label(*zip(*CALLS, strict=True), floor=1)[3].name


def test_words_of_any_script_count_and_numbers_do_not() -> None:
    assert terms("Où est ma carte bancaire?") == ["carte", "bancaire", "carte bancaire"]
    assert terms("баланс счёта 12345") == ["баланс", "счёта", "баланс счёта"]
    assert terms("1234 5678 is my the a") == []


def test_exemplars_are_typical_differ_and_are_of_different_people() -> None:
    dice = np.random.default_rng(1)
    middle = np.zeros(16)
    middle[0] = 1.0
    vectors = middle + dice.normal(0.0, 0.15, (60, 16))
    vectors[10:20] = vectors[10] + dice.normal(0.0, 0.001, (10, 16))
    people = [f"u{each % 12}" for each in range(60)]
    chosen = exemplars(vectors, people, floor=5, most=5)
    assert len(chosen) == 5
    assert len({people[each] for each in chosen}) == 5
    assert len([each for each in chosen if 10 <= each < 20]) <= 1
    similarity = vectors @ vectors.mean(axis=0) / np.linalg.norm(vectors, axis=1)
    assert similarity[chosen[0]] == similarity.max()
    assert exemplars(vectors, ["u1"] * 60, floor=5) == []
    assert exemplars(vectors[:0], [], floor=1) == []


def test_the_model_is_told_only_what_may_be_shown() -> None:
    system, user = prompt(["balance"], ["what is\nmy balance", "x" * 900], ["Flights"])
    assert system["role"] == "system"
    assert '"what is my balance"' in user["content"]
    assert "x" * 301 not in user["content"]


@pytest.mark.parametrize(
    "answer",
    [
        '{"name": "Account balance", "summary": "Users ask."}',
        'Sure!\n```json\n{"name": " Account balance. ", "summary": "Users\\nask."}\n```',
        'A {brace} first. {"name": "**Account balance**", "summary": "Users ask"} {"name": "other"}',
    ],
)
def test_a_name_is_found_in_what_models_answer(answer: str) -> None:
    made = parse(answer)
    assert made.name == "Account balance"
    assert made.summary.startswith("Users ask")


@pytest.mark.parametrize("answer", ["", "Account balance", '{"name": ""}', '{"name": 5}', "{broken", "[1]"])
def test_an_answer_without_a_name_is_refused(answer: str) -> None:
    with pytest.raises(BadInput, match="no JSON object with a name"):
        parse(answer)


def test_long_names_are_cut_at_a_word_and_markup_goes() -> None:
    made = parse('{"name": "<b>' + "word " * 40 + '"}')
    assert len(made.name) <= 60
    assert made.name.startswith("b word")
    assert made.name.endswith("word")
    assert made == Name(made.name, "")


def test_what_is_no_completion_is_refused_and_keys_are_not_shown() -> None:
    assert answered({"choices": [{"message": {"content": "hello"}}]}) == "hello"
    with pytest.raises(BadInput, match="no chat completion"):
        answered({"choices": []})
    assert "sk-1" not in repr(Endpoint("http://127.0.0.1:1/v1", "m", "sk-1"))


def test_bad_input_is_refused_with_its_value() -> None:
    with pytest.raises(BadInput, match="2 texts, 1 clusters"):
        label(["a", "b"], np.array([1]), ["u"])
    with pytest.raises(BadInput, match="floor is 0"):
        label([], np.array([]), [], floor=0)
    with pytest.raises(BadInput, match="3 vectors and 1 people"):
        exemplars(np.ones((3, 2)), ["u"])
