"""One score of a call, checked where it is said, and its form on the wire: a `gen_ai.evaluation.result` record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spanledger import semconv

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

EVENT: Final = "gen_ai.evaluation.result"
_SCOPE: Final = "spanledger"
_LONGEST_TEXT: Final = 16_384
_LONGEST_NAME: Final = 256


class Unusable(ValueError):
    """A score that cannot be sent; says which value is wrong and what it may be."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is thought of one call, one trace or one response.

    | field | |
    |---|---|
    | value | a finite number; None where there is only a label |
    | label | a word such as "good"; "" where there is only a number |
    | time_ns | when it was said, UTC nanoseconds |
    | trace_id, span_id | lower-case hex digits; span_id "" for a whole trace, both "" where only a response is named |
    """

    name: str
    value: float | None
    label: str
    explanation: str
    source: str
    time_ns: int
    trace_id: str
    span_id: str
    response_id: str

    @property
    def weight(self) -> int:
        """About how many bytes it holds while it waits."""
        return 300 + len(self.explanation) + len(self.label) + len(self.name)


def value_and_label(value: object, label: str | None) -> tuple[float | None, str]:
    """Return (number, label) of a score's value: a number, a flag (1 or 0, labelled true or false) or a word."""
    if isinstance(value, bool):
        return float(value), label or ("true" if value else "false")
    if isinstance(value, str):
        if not value.strip():
            raise Unusable(f"value={_shown(value)} is empty; pass a number, True, False or a word")
        return None, label or value[:_LONGEST_NAME]
    try:
        number = float(value)  # pyright: ignore[reportArgumentType] - Decimal, NumPy's numbers, ...
    except (TypeError, ValueError):
        raise Unusable(f"value={_shown(value)} is neither a number, True, False nor a word") from None
    except OverflowError:
        raise Unusable(f"value={_shown(value)} is too large for a float") from None
    if not math.isfinite(number):
        raise Unusable(f"value={value!r} is not finite; leave the score out where it is unknown")
    return number, label or ""


def hex_id(name: str, value: str | int | None, digits: int) -> str:
    """Return an id as lower-case hex digits; "" for None."""
    if value is None:
        return ""
    text = format(value, f"0{digits}x") if isinstance(value, int) else value.strip().lower()
    if len(text) != digits or not set(text) <= set("0123456789abcdef") or not text.strip("0"):
        raise Unusable(f"{name}={value!r} is not {digits} hex digits, or all of them are zero")
    return text


def short(text: str, limit: int = _LONGEST_TEXT) -> str:
    """Return `text` cut to what a score keeps."""
    return text if len(text) <= limit else text[:limit]


def name_of(name: object) -> str:
    """Return a score's name; `Unusable` where it is no text or empty."""
    if not isinstance(name, str) or not name.strip():
        raise Unusable(f"name={name!r} is not a name; call it what it measures, such as 'correctness'")
    return short(name.strip(), _LONGEST_NAME)


def encode(evaluations: Sequence[Evaluation], resource: Resource | None) -> bytes:
    """Return the evaluations as one OTLP logs request."""
    # Imported here for weight, as in the exporter.
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    for key, value in (resource.attributes if resource is not None else {}).items():
        group.resource.attributes.add(key=key).value.string_value = str(value)
    scope = group.scope_logs.add()
    scope.scope.name = _SCOPE
    for each in evaluations:
        record: Any = scope.log_records.add(
            time_unix_nano=each.time_ns, observed_time_unix_nano=each.time_ns, event_name=EVENT
        )
        record.trace_id = bytes.fromhex(each.trace_id)
        record.span_id = bytes.fromhex(each.span_id)
        if each.value is not None:
            record.attributes.add(key=semconv.EVALUATION_SCORE_VALUE).value.double_value = each.value
        for key, text in (
            (semconv.EVALUATION_NAME, each.name),
            (semconv.EVALUATION_SCORE_LABEL, each.label),
            (semconv.EVALUATION_EXPLANATION, each.explanation),
            (semconv.EVALUATION_SOURCE, each.source),
            (semconv.RESPONSE_ID, each.response_id),
        ):
            if text:
                record.attributes.add(key=key).value.string_value = text.encode("utf-8", "replace").decode("utf-8")
    return request.SerializeToString()


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
