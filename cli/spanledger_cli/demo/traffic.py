"""Every trace of the month, in order of time, as plans: `traffic(story)` is a pure function of the story."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spanledger_cli.demo import expectations
from spanledger_cli.demo.company import FEATURES, Customer, Feature
from spanledger_cli.demo.events import Story
from spanledger_cli.demo.plans import Message, TracePlan
from spanledger_cli.demo.shapes import MAX_TURNS, TraceBuilder
from spanledger_cli.demo.texts import Speaker, Topic, corpus
from spanledger_cli.demo.volume import HOUR_NS, generator, hour_starts, noisy_rate, usual_sessions

_STAGING: Final = 0.03
_STRAY: Final = 0.012  # sessions of scripts that name neither customer nor feature
_CHANGES_TOPIC: Final = 0.08


def traffic(story: Story) -> Iterator[TracePlan]:
    """Yield all traces that lie within the window, by start time.

    Each session draws from a generator of its own, keyed by seed, customer, feature, hour and number, so an
    event changes the traces it touches and no others.
    """
    counts = session_counts(story)
    waiting: list[tuple[int, str, TracePlan]] = []
    for hour, hour_ns in enumerate(hour_starts(story.start_ns, story.hours).tolist()):
        for (customer, feature), per_hour in counts.items():
            for number in range(int(per_hour[hour])):
                for plan in _session(story, customer, feature, hour_ns, number):
                    if plan.end_ns <= story.end_ns:
                        heapq.heappush(waiting, (plan.start_ns, plan.key, plan))
        while waiting and waiting[0][0] < hour_ns + HOUR_NS:
            yield heapq.heappop(waiting)[2]


def session_counts(story: Story) -> dict[tuple[Customer, Feature], NDArray[np.int64]]:
    """Sessions that begin in each hour, per customer and feature."""
    scale = expectations.sessions_scale(story.start_ns, story.hours, story.spans, story.newcomer)
    starts = hour_starts(story.start_ns, story.hours).tolist()
    counts: dict[tuple[Customer, Feature], NDArray[np.int64]] = {}
    for customer in story.customers:
        for feature in FEATURES:
            rate = scale * noisy_rate(customer, feature, story.start_ns, story.hours, story.seed)
            factor = np.array([story.sessions_factor(ns, customer.name, feature.name) for ns in starts])
            names = (customer.name, feature.name)
            usual = usual_sessions(customer, feature, story.start_ns, story.hours, story.seed, scale)
            # Usual sessions stay the same ones whatever an event adds or takes away.
            kept = generator(story.seed, "fewer", *names).binomial(usual, np.minimum(factor, 1.0))
            added = generator(story.seed, "more", *names).poisson(rate * np.maximum(factor - 1.0, 0.0))
            counts[customer, feature] = kept + added
    return counts


def _session(story: Story, customer: Customer, feature: Feature, hour_ns: int, number: int) -> Iterator[TracePlan]:
    key = f"{story.seed}/{story.end_ns}/{customer.name}/{feature.name}/{hour_ns}/{number}"
    rng = random.Random(key)  # noqa: S311 - a simulation, not a secret
    at = hour_ns + rng.randrange(HOUR_NS)
    texts = corpus(feature.name)
    topic = _topic(story, customer, feature, at, rng)
    speaker = Speaker(texts, topic, rng)
    user = f"{customer.name.split('-')[0]}-{1 + int(customer.users * rng.random() ** 2.1):03d}"
    session = f"{feature.name}-{rng.getrandbits(40):010x}" if feature.in_session else None
    origin = rng.random()
    staging, stray = origin < _STAGING, _STAGING <= origin < _STAGING + _STRAY
    turns = 1
    while turns < MAX_TURNS and rng.random() < 1 - 1 / feature.turns:
        turns += 1
    history: list[Message] = []
    for turn in range(turns):
        conditions = story.conditions(at, customer, feature)
        if turn and rng.random() < _CHANGES_TOPIC and not topic.latent:
            speaker.topic = rng.choice(texts.topics)
        builder = TraceBuilder(customer, feature, conditions, speaker, rng)
        root, question, answer = builder.build(history, turn)
        release = story.release(feature.name, at)
        plan = TracePlan(
            key=f"{key}/{turn}",
            start_ns=at,
            root=root,
            customer=None if staging or stray else customer.name,
            user=f"developer-{1 + rng.randrange(9)}" if staging else None if stray else user,
            session=None if stray else session,
            feature=None if stray else feature.name,
            team=None if stray else feature.team,
            environment="staging" if staging else "production",
            release=f"{release}-rc" if staging else None if stray else release,
            prompt_name=None if stray else feature.name,
            prompt_version=None if stray else story.prompt(feature.name, at, None if staging else customer.name),
            turn=turn,
            topic=speaker.topic.id,
            tags=("agent",) if root.kind == "agent" else (),
        )
        yield plan
        if not answer and rng.random() < 0.5:
            return  # an error ends many a conversation
        history += [("user", question), ("assistant", answer)]
        at = plan.end_ns + int(rng.lognormvariate(4.0, 0.8) * 1e9)


def _topic(story: Story, customer: Customer, feature: Feature, at: int, rng: random.Random) -> Topic:
    """What the session is about: each customer has its own favourites, the same all month."""
    texts = corpus(feature.name)
    draw = rng.random()
    pick = rng.random()
    if draw < story.latent_share(at, feature.name):
        return texts.latent
    shift = sum(customer.name.encode()) % len(texts.topics)
    weights = feature.rank[: len(texts.topics)]
    pick *= sum(weights)
    for index, weight in enumerate(weights):
        pick -= weight
        if pick < 0:
            return texts.topics[(index + shift) % len(texts.topics)]
    return texts.topics[shift]
