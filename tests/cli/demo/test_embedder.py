"""Vectors of one topic are nearer to each other than to another's, everywhere the same."""

from __future__ import annotations

import random

import numpy as np

from spanledger_cli.demo.embedder import DIMENSIONS, HashEmbedder
from spanledger_cli.demo.texts import Speaker, corpus


def test_vectors_are_unit_float16_of_one_size() -> None:
    vectors = HashEmbedder()(["Where is my parcel?", "How do I export the report?", "x" * 5000])
    for vector in vectors:
        assert vector.dtype == np.float16
        assert vector.shape == (DIMENSIONS,)
        assert abs(float(np.linalg.norm(vector.astype(np.float64))) - 1) < 0.01


def test_texts_without_words_are_zero_and_not_an_error() -> None:
    for vector in HashEmbedder()(["", "?!", "  "]):
        assert not vector.any()


def test_the_same_text_has_the_same_vector_whatever_came_before() -> None:
    used = HashEmbedder()
    used(["some other words", "recall of batteries"])
    text = "Is my battery pack part of the safety recall?"
    assert np.array_equal(used.embed(text), HashEmbedder().embed(text))
    # Pinned: another process or release must not disagree with what is stored.
    vector = HashEmbedder().embed("invoice")[:40]
    assert {int(place): round(float(vector[place]), 3) for place in vector.nonzero()[0]} == PINNED


def test_case_and_punctuation_do_not_matter() -> None:
    embedder = HashEmbedder()
    assert np.array_equal(embedder.embed("Refund status?"), embedder.embed("refund, status"))


def test_topics_are_neighbourhoods() -> None:
    embedder = HashEmbedder()
    texts = corpus("support-copilot")
    rng = random.Random(5)
    groups = [
        np.stack([embedder.embed(Speaker(texts, topic, rng).question(0)) for _ in range(30)]).astype(np.float64)
        for topic in (*texts.topics, texts.latent)
    ]
    for index, group in enumerate(groups):
        own = (group @ group.T)[np.triu_indices(len(group), 1)].mean()
        rest = np.concatenate([other for number, other in enumerate(groups) if number != index])
        assert own > (group @ rest.T).mean() + 0.08


PINNED = {14: 0.194, 29: 0.194, 34: -0.194}
