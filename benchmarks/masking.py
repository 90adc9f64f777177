"""What masking costs, beside a plain scrub by the same detectors, and how much of a known corpus it finds.

    python -m benchmarks.masking [--seconds 1.0] [--markdown]

Four kinds of text of about four kilobytes are masked in alternating rounds of one process, so that a busy machine
slows all alike. "scrub" runs every detector over every text; "mask" is what the SDK does, which asks first whether
there can be anything. Precision and recall are of the corpus of `tests/support/pii.py`, whose truth is known. Prints
one JSON object, with `--markdown` the tables of docs/team.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import time
from collections import Counter
from collections.abc import Callable

from tests.support.pii import corpus

from spanledger._internal.masking.detectors import DETECTORS
from spanledger._internal.masking.masker import Masker
from spanledger._internal.masking.names import NAMES

PHRASE = (
    "the order was placed on time and the parcel left the depot but nobody has seen it since then so please tell us "
    "where it is and whether we should wait or ask for another one because our own customer needs it for an event"
)
WORDS = PHRASE.split()
FOUND = ("alice@example.com", "+49 30 901820", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "10.20.30.40")
NUMBERS = ("2026-11-21T16:00:00Z", "$1,234.56", "v1.2.3", "order 123456789", "12:30", "0.000125")

# Texts made to be slow for patterns that look around: each is repeated to 64 KB.
HOSTILE = (
    "a.", "a@", "a@b.", "1 ", "1234 ", "+1 ", "(02) 1", "01 ", "::", "key=", "sk-", "eyJ", "bearer x1", "DE89 ", "1.1.",
    "call me ", "?key=", "%40", "[", '{"a":', "é@é.", "://a:@", "-----BEGIN PRIVATE KEY-----", "a@b.com 10.2.3.4 ",
)  # fmt: skip


def prose(size: int, extra: tuple[str, ...], every: int) -> str:
    """Words, and one of `extra` after so many of them."""
    r = random.Random(1)
    words: list[str] = []
    while sum(map(len, words)) + len(words) < size:
        words.append(r.choice(WORDS))
        if extra and len(words) % every == 0:
            words.append(r.choice(extra))
    return " ".join(words)


def texts() -> dict[str, str]:
    plain = prose(4000, (), 1)
    message = [{"role": "user", "parts": [{"type": "text", "content": plain}]}]
    return {
        "prose without candidates": plain,
        "messages as JSON, without": json.dumps(message),
        "prose with numbers and dates": prose(4000, NUMBERS, 12),
        "prose with 1 value in 40 words": prose(4000, FOUND, 40),
    }


def scrub(text: str) -> str:
    """Every detector over the whole text, as a plain scrub would do it."""
    for detector in DETECTORS:
        for start, end in sorted(detector.find(text), reverse=True):
            text = f"{text[:start]}[{detector.name.upper()}]{text[end:]}"
    return text


def rate(function: Callable[[str], str], text: str, seconds: float) -> float:
    """Microseconds of CPU per call: the least of several rounds."""
    best = float("inf")
    until = time.process_time() + seconds
    while time.process_time() < until:
        before = time.process_time()
        for _ in range(20):
            function(text)
        best = min(best, (time.process_time() - before) / 20)
    return best * 1e6


def speeds(seconds: float) -> dict[str, dict[str, float]]:
    mask = Masker(NAMES)
    found: dict[str, dict[str, float]] = {}
    for name, text in texts().items():
        kilobytes = len(text.encode()) / 1000
        times = {"mask": float("inf"), "scrub": float("inf")}
        for _ in range(4):
            for label, function in (("mask", mask), ("scrub", scrub)):
                times[label] = min(times[label], rate(function, text, seconds / 8))
        found[name] = {
            "mask_us_per_kb": round(times["mask"] / kilobytes, 2),
            "mask_mb_per_s": round(kilobytes / times["mask"] * 1000, 1),
            "scrub_us_per_kb": round(times["scrub"] / kilobytes, 2),
            "scrub_mb_per_s": round(kilobytes / times["scrub"] * 1000, 1),
        }
    return found


def hostile() -> dict[str, float]:
    """Microseconds per KB of the slowest hostile text at 32 and at 64 KB: about equal where no time is quadratic."""
    mask = Masker(NAMES)
    found: dict[str, float] = {}
    for size in (32_000, 64_000):
        times: list[float] = []
        for seed in HOSTILE:
            text = (seed * (size // len(seed) + 1))[:size]
            before = time.process_time()
            mask(text)
            times.append((time.process_time() - before) * 1e6 / (size / 1000))
        found[f"{size // 1000}_kb"] = round(max(times), 1)
    return found


def quality(rounds: int) -> dict[str, dict[str, float]]:
    mask = Masker(NAMES)
    right: Counter[str] = Counter()
    claimed: Counter[str] = Counter()
    there: Counter[str] = Counter()
    alike = untouched = 0
    for sample in corpus(seed=1, rounds=rounds):
        masked = mask(sample.text)
        claimed.update({kind: masked.count(f"[{kind.upper()}]") for kind in NAMES})
        if sample.kind is None:
            alike += 1
            untouched += masked == sample.text
        else:
            there[sample.kind] += 1
            right[sample.kind] += masked == sample.expected
    result = {
        kind: {
            "there": there[kind],
            "recall": round(right[kind] / there[kind], 4),
            "precision": round(right[kind] / claimed[kind], 4),
        }
        for kind in NAMES
    }
    return {**result, "look-alikes": {"there": alike, "untouched": round(untouched / alike, 4)}}


def markdown(result: dict[str, dict[str, dict[str, float]]]) -> str:
    lines = ["| text of 4 KB | masked, µs per KB (MB/s) | plain scrub |", "|---|---|---|"]
    for name, row in result["speed"].items():
        lines.append(
            f"| {name} | {row['mask_us_per_kb']} ({row['mask_mb_per_s']}) "
            f"| {row['scrub_us_per_kb']} ({row['scrub_mb_per_s']}) |"
        )
    lines += ["", "| detector | values | recall | precision |", "|---|---|---|---|"]
    for kind in NAMES:
        row = result["quality"][kind]
        lines.append(f"| {kind} | {row['there']} | {row['recall']} | {row['precision']} |")
    alike = result["quality"]["look-alikes"]
    return "\n".join([*lines, f"| look-alikes left alone | {alike['there']} | | {alike['untouched']} |"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each kind of text")
    parser.add_argument("--rounds", type=int, default=200, help="of the corpus, 233 texts each")
    parser.add_argument("--markdown", action="store_true", help="print tables instead of JSON")
    options = parser.parse_args()
    result = {"speed": speeds(options.seconds), "quality": quality(options.rounds)}
    if options.markdown:
        print(markdown(result))
    else:
        print(json.dumps({**result, "hostile_us_per_kb": hostile(), "python": platform.python_version()}, indent=2))


if __name__ == "__main__":
    main()
