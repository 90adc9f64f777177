"""The lexical embedder: what it learns, that it is the same everywhere, and what it makes of odd texts."""

from __future__ import annotations

import random

import numpy as np
import pytest

from spanledger_analytics.methods.lexical import Embedder, LexicalInvalid, fit, loads
from spanledger_analytics.methods.lexical.features import Reader, words
from spanledger_analytics.methods.lexical.svd import right_vectors

TOPICS = {
    "refund": ("refund the payment", "money back for my card", "when is the refund on my account"),
    "parcel": ("track the parcel", "courier lost my delivery", "where is the shipment from the depot"),
    "login": ("reset my password", "cannot sign in to the account", "two factor code never arrives"),
    "battery": ("battery swells while charging", "is my battery pack recalled", "overheating lithium cells"),
}


def corpus(size: int, seed: int = 3) -> tuple[list[str], list[str]]:
    """Questions with a bit of everything around them, and their topics."""
    dice = random.Random(seed)
    names = [dice.choice(sorted(TOPICS)) for _ in range(size)]
    starts = ("hello", "please", "quick question", "hi there", "sorry to ask")
    ends = ("thanks", "any idea", "it is urgent", "for order {n}", "since monday the {n} of may")
    texts = [
        f"{dice.choice(starts)} {dice.choice(TOPICS[name])} {dice.choice(ends).format(n=dice.randint(1, 900))}"
        for name in names
    ]
    return texts, names


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return fit(corpus(1500)[0], seed=1)


def test_vectors_have_length_one_and_topics_lie_apart(embedder: Embedder) -> None:
    texts, names = corpus(300, seed=9)
    vectors = embedder.embed(texts)
    assert vectors.shape == (300, 256)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    alike = vectors @ vectors.T - 2 * np.eye(300)
    nearest = np.array(names)[alike.argmax(axis=1)]
    assert np.mean(nearest == np.array(names)) > 0.97


def test_the_same_texts_give_the_same_embedder_in_any_order(embedder: Embedder) -> None:
    texts, _ = corpus(1500)
    random.Random(1).shuffle(texts)
    assert fit(texts + texts[:100], seed=1).dumps() == embedder.dumps()


def test_a_text_has_one_vector_alone_among_others_and_after_a_journey(embedder: Embedder) -> None:
    texts, _ = corpus(200, seed=4)
    together = embedder.embed(texts)
    again = loads(embedder.dumps())
    assert again.texts == embedder.texts
    assert again.expected_unseen == embedder.expected_unseen
    alone = np.concatenate([again.embed([text]) for text in reversed(texts)])[::-1]
    assert np.allclose(together, alone, atol=1e-6)


def test_an_unknown_word_is_placed_by_its_pieces(embedder: Embedder) -> None:
    odd, known, other = embedder.embed(["overheatings", "overheating", "password"])
    assert odd @ known > 0.5
    assert odd @ known > 4 * abs(odd @ other)


def test_what_it_says_it_will_not_know_is_what_it_does_not_know() -> None:
    dice = np.random.default_rng(5)
    # Zipf's law: new words keep coming.
    texts = [" ".join(f"w{word}" for word in dice.zipf(1.3, size=12)) for _ in range(4000)]
    made = fit(texts[:2000], seed=1)
    _, total, unseen = made.look(texts[2000:])
    assert unseen / total == pytest.approx(made.expected_unseen, rel=0.1)
    assert unseen / total > 0.05


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "qqqq zzzz xxxx"])
def test_a_text_of_which_nothing_is_known_has_no_direction(embedder: Embedder, text: str) -> None:
    assert not embedder.embed([text]).any()


def test_no_texts_are_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, 256)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Where's my ORDER?", ["where", "s", "my", "order"]),
        ("退款在哪里", ["退款", "款在", "在哪", "哪里"]),
        ("我的order在哪", ["我的", "order", "在哪"]),
        ("हिन्दी में मदद", ["हिन्दी", "में", "मदद"]),
        ("パスワード", ["パス", "スワ", "ワー", "ード"]),
        ("Straße", ["strasse"]),
        ("👍 👍", ["👍", "👍"]),
        ("café naïve", ["café", "naïve"]),
    ],
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_texts_without_spaces_find_each_other() -> None:
    dice = random.Random(2)
    topics = (
        "我的退款在哪里",
        "请问退款什么时候到账",
        "包裹还没有送到",
        "快递在哪里丢了",
        "忘记密码怎么办",
        "无法登录我的账户",
    )
    texts = [f"{dice.choice(topics)}{dice.choice('啊呢吗吧')}{dice.randint(1, 400)}" for _ in range(800)]
    one, other, far = fit(texts, seed=1).embed(["退款到账", "我的退款", "忘记密码"])
    assert one @ other > 2 * abs(one @ far)


def test_counts_are_those_of_the_slow_way() -> None:
    texts = ["a b a b", "b a", "", "c"]
    batch = Reader().read(texts)
    counted = [dict(zip(batch.names, row, strict=True)) for row in batch.counts.toarray().tolist()]
    assert counted == [
        {"a": 2, "b": 2, "c": 0}, {"a": 1, "b": 1, "c": 0}, {"a": 0, "b": 0, "c": 0}, {"a": 0, "b": 0, "c": 1},
    ]  # fmt: skip
    assert len(batch.pairs) == 2  # a b, b a: none across two texts
    assert sorted(batch.pair_counts.toarray()[0].tolist()) == [1, 2]
    assert batch.pair_counts.toarray()[1:].sum() == 1


def test_the_sketch_finds_the_exact_directions() -> None:
    from scipy import sparse

    dice = np.random.default_rng(1)
    left, right = np.linalg.qr(dice.normal(size=(300, 8)))[0], np.linalg.qr(dice.normal(size=(90, 8)))[0]
    values = np.array([9.0, 8, 7, 6, 5, 4, 3, 2])
    matrix = sparse.csr_matrix((left * values) @ right.T, dtype=np.float32)
    found, sizes = right_vectors(matrix, 5, seed=3)
    assert np.allclose(sizes, values[:5], rtol=1e-4)
    assert np.allclose(np.abs(np.sum(found * right[:, :5], axis=0)), 1.0, atol=1e-4)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["where is my order"] * 500, "1 distinct texts are too few"),
        ([f"{at}" for at in range(300)], "nothing in common"),
    ],
)
def test_texts_that_teach_nothing_are_refused(texts: list[str], says: str) -> None:
    with pytest.raises(LexicalInvalid, match=says):
        fit(texts, seed=1)


def test_bytes_that_are_no_embedder_are_refused() -> None:
    with pytest.raises(LexicalInvalid, match="4 bytes are no lexical embedder"):
        loads(b"none")
