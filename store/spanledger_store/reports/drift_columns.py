"""What is measured of the calls of a window beside their tokens, times and costs: lengths, tools, scores, answers."""

from __future__ import annotations

from typing import Final

import polars as pl

from spanledger_store.engine import Engine
from spanledger_store.reports import drift_calls
from spanledger_store.reports.drift_calls import KEY, Window
from spanledger_store.scope import Scope

SCORE: Final = "score "
"""What the names of columns of scores begin with."""
_MOST_SCORES: Final = 8


def columns(engine: Engine, scope: Scope, read: Window) -> pl.DataFrame:
    """The window's frame with input_length and output_length (characters), tools (those of the call's trace, joined;
    '' for none) and one column `score NAME` for each of the commonest scores; unknown is null.

    A call has the score of its own, else its trace's.
    """
    tools = drift_calls.asked_of(engine, "drift_tools", scope, read)
    scores = drift_calls.asked_of(engine, "drift_scores", scope, read)
    return beside(lengths(engine, scope, read), tools, scores)


def lengths(engine: Engine, scope: Scope, read: Window) -> pl.DataFrame:
    """The window's frame with input_length and output_length (characters; null where not captured)."""
    found = drift_calls.asked_of(engine, "drift_lengths", scope, read)
    return read.frame.join(found, on=KEY, how="left", maintain_order="left")


def beside(frame: pl.DataFrame, tools: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """The frame with its traces' `tools` (trace_id, tools), and the commonest of its `scores` (trace_id, span_id or '',
    score, mean)."""
    frame = frame.join(tools, on="trace_id", how="left", maintain_order="left").with_columns(
        pl.col("tools").fill_null("")
    )
    common = scores.group_by("score").len().sort("len", "score", descending=[True, False])["score"].to_list()
    for name in common[:_MOST_SCORES]:
        said = scores.filter(score=name)
        own = said.filter(pl.col("span_id") != "").select("trace_id", "span_id", own="mean")
        whole = said.filter(span_id="").select("trace_id", whole="mean")
        frame = (
            frame.join(own, on=["trace_id", "span_id"], how="left", maintain_order="left")
            .join(whole, on="trace_id", how="left", maintain_order="left")
            .with_columns(pl.coalesce("own", "whole").alias(SCORE + name))
            .drop("own", "whole")
        )
    return frame


def outputs(engine: Engine, scope: Scope, read: Window) -> list[str]:
    """What each call of the window's frame answered, as it was captured; '' where it was not."""
    found = drift_calls.asked_of(engine, "drift_outputs", scope, read)
    return (
        read.frame.select(KEY).join(found, on=KEY, how="left", maintain_order="left")["output"].fill_null("").to_list()
    )
