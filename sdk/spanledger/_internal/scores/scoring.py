"""`spanledger.score` and `spanledger.feedback`: what is thought of a call, said when it is known."""

from __future__ import annotations

from typing import Final, Literal

from opentelemetry import trace

from spanledger._internal import clock, runtime
from spanledger._internal.log import warn_once
from spanledger._internal.observing.handle import Handle
from spanledger._internal.scores.evaluation import Evaluation, Unusable, hex_id, name_of, short, value_and_label

Thumb = Literal["up", "down"]
_THUMBS: Final = {True: (1.0, "up"), False: (0.0, "down"), "up": (1.0, "up"), "down": (0.0, "down")}


def score(
    name: str,
    value: float | bool | str,
    *,
    span: Handle | None = None,
    trace_id: str | int | None = None,
    span_id: str | int | None = None,
    response_id: str | None = None,
    explanation: str | None = None,
    label: str | None = None,
    source: str = "application",
) -> bool:
    """Send a score of a call, a trace or a response; True if it was queued. Never raises, never waits for the network.

    `value` is a finite number, a flag (kept as 1 or 0) or a word (kept as the label). What it is a score of is told
    by the first of these that is given:

    | argument | |
    |---|---|
    | span | the handle of a call (`spanledger.current()`), also after the call has returned |
    | trace_id, span_id | 32 and 16 hex digits, also later and from another process; trace_id alone scores the trace |
    | response_id | the provider's id of the response; its call may be up to seven days older |
    | none of them | the call or span around us |

    A value that cannot be used is named in a warning, and nothing is sent. `source` says who judged: a person, a
    judge model, a test. Before `init` and after `shutdown` nothing is sent.
    """
    try:
        number, word = value_and_label(value, label)
        return _send(name, number, word, span, trace_id, span_id, response_id, explanation, source)
    except Exception as error:  # a score is never worth an exception in the program
        warn_once(f"score-{name}", "score %r is not sent: %s", name, error, error=error)
        return False


def feedback(
    value: bool | Thumb | float,
    comment: str | None = None,
    *,
    name: str = "feedback",
    span: Handle | None = None,
    trace_id: str | int | None = None,
    span_id: str | int | None = None,
    response_id: str | None = None,
    source: str = "user",
) -> bool:
    """Send what a user thinks of a call: a thumb up (1) or down (0), or a rating; True if it was queued.

    `value` is True or "up", False or "down", or a finite number of a scale of your own. The rest is as with `score`.
    """
    try:
        if isinstance(value, bool | str):
            if value not in _THUMBS:
                raise Unusable(f"value={value!r} is neither 'up', 'down', True, False nor a number")
            number, word = _THUMBS[value]
        else:
            number, word = value_and_label(value, None)
        return _send(name, number, word, span, trace_id, span_id, response_id, comment, source)
    except Exception as error:
        warn_once(f"score-{name}", "feedback %r is not sent: %s", name, error, error=error)
        return False


def _send(
    name: str,
    value: float | None,
    label: str,
    span: Handle | None,
    trace_id: str | int | None,
    span_id: str | int | None,
    response_id: str | None,
    explanation: str | None,
    source: str,
) -> bool:
    running = runtime.active
    if running is None:
        return False
    if not running.scores.has_address:
        raise Unusable(f"there is no /v1/logs beside {running.settings.endpoint}; set SPANLEDGER_ENDPOINT")
    trace_hex, span_hex = _about(span, trace_id, span_id, response_id)
    evaluation = Evaluation(
        name=name_of(name),
        value=value,
        label=short(str(label)),
        explanation=short(str(explanation or "")),
        source=short(str(source), 256),
        time_ns=clock.time_ns(),
        trace_id=trace_hex,
        span_id=span_hex,
        response_id=str(response_id or ""),
    )
    running.scores.queue.put(evaluation, evaluation.weight)
    running.scores.exporter.ensure_started()
    return True


def _about(
    span: Handle | None, trace_id: str | int | None, span_id: str | int | None, response_id: str | None
) -> tuple[str, str]:
    """(trace id, span id) as hex digits; both empty where only a response is named."""
    if span is not None:
        return hex_id("span.trace_id", span.trace_id, 32), hex_id("span.span_id", span.span_id, 16)
    if trace_id is not None:
        return hex_id("trace_id", trace_id, 32), hex_id("span_id", span_id, 16)
    if span_id is not None:
        raise Unusable(f"span_id={span_id!r} names no span without its trace; pass trace_id= as well")
    if response_id:
        return "", ""
    around = trace.get_current_span().get_span_context()
    if not around.is_valid:
        raise Unusable("there is no call around it; pass span=, trace_id= or response_id=")
    return format(around.trace_id, "032x"), format(around.span_id, "016x")
