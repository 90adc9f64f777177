"""One OTLP/HTTP request and what its answer means."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from spanledger._internal.delivery.courier import Courier

if TYPE_CHECKING:
    import requests

    from spanledger._internal.delivery.wire import Wire

_RETRYABLE: Final = frozenset({408, 429, 500, 502, 503, 504})
_MAX_RETRY_AFTER: Final = 60.0
_TRACES_PATH: Final = "/v1/traces"
_LOGS_PATH: Final = "/v1/logs"
_CONNECT_TIMEOUT: Final = 5.0
_GRACE: Final = 0.5  # so that the connection's own error, which says more, comes first
# A report is no reason to hold up spans.
_REPORT_TIMEOUT: Final = 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one request: taken, to be repeated, to be split, or refused for good."""

    ok: bool = False
    retryable: bool = False
    too_large: bool = False
    rejected: int = 0  # spans the collector did not take although it answered 200
    retry_after: float | None = None  # set where the collector is alive and merely busy
    error: str = ""
    reason: str = ""  # of a drop, for the stats


class Transport:
    """Posts encoded spans to one endpoint over a kept connection; used by one thread, which never waits for longer
    than it is told.

    The connection belongs to a thread of its own: looking up a name can take as long as it likes, and an answer that
    comes byte by byte is never late for a timeout.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str], timeout: float) -> None:
        self._endpoint = endpoint
        base, found, rest = endpoint.rpartition(_TRACES_PATH)
        self._reports_to = f"{base}/v1/metrics" if found and not rest else None
        self._headers = {
            **headers,
            "content-type": "application/x-protobuf",
            "content-encoding": "gzip",
            "user-agent": "spanledger-sdk",
        }
        self._timeout = timeout
        self._wire: Wire | None = None
        self._courier: Courier[requests.Response] = Courier("spanledger-http")

    @property
    def takes_reports(self) -> bool:
        """True where metrics have an address beside that of spans."""
        return self._reports_to is not None

    @property
    def is_for_logs(self) -> bool:
        """True where log records are sent, not spans."""
        return self._endpoint.endswith(_LOGS_PATH)

    def post(self, body: bytes, meanwhile: Callable[[], bool] | None = None) -> Answer:
        """Send spans in one request and return what became of it; raises nothing.

        `meanwhile` is called about ten times a second while the answer is awaited; True ends the waiting.
        """
        return self._send(self._endpoint, body, self._timeout, meanwhile)

    def report(self, body: bytes) -> Answer:
        """Send metrics in one request, within two seconds; raises nothing."""
        if self._reports_to is None:
            return Answer(reason="no_address")
        return self._send(self._reports_to, body, min(self._timeout, _REPORT_TIMEOUT))

    def _send(self, endpoint: str, body: bytes, timeout: float, meanwhile: Callable[[], bool] | None = None) -> Answer:
        # requests takes 0.15 s to import: paid by the export thread, not by `import spanledger`.
        from spanledger._internal.delivery.wire import Wire

        wire = self._wire = self._wire or Wire()
        packed = gzip.compress(body, compresslevel=1, mtime=0)
        limits = (min(timeout, _CONNECT_TIMEOUT), timeout)
        try:
            response = self._courier.run(
                lambda: wire.post(endpoint, packed, self._headers, limits), timeout + _GRACE, meanwhile
            )
        except OSError as error:  # RequestException is one
            return Answer(retryable=True, error=f"{type(error).__name__} at {endpoint}")
        except RuntimeError as error:  # the interpreter ends and starts no threads
            return Answer(retryable=True, error=str(error))
        except Exception as error:  # a header that cannot be encoded
            return Answer(error=f"{type(error).__name__}: {error}", reason="export_error")
        if response is None:
            self._wire = None
            wire.cut()
            return Answer(retryable=True, error=f"no answer in time from {endpoint}")
        status = response.status_code
        if status == 200:
            return _taken(response.content) if endpoint == self._endpoint else Answer(ok=True)
        text = f"HTTP {status} from {endpoint}"
        if status in _RETRYABLE:
            wait = retry_after(response.headers.get("retry-after"), response.headers.get("date"))
            if wait is None and status == 429:
                wait = 1.0
            return Answer(retryable=True, retry_after=wait, error=text)
        if status == 413:
            return Answer(too_large=True, error=text, reason="too_large")
        if status in (401, 403):
            text += "; check SPANLEDGER_API_KEY"
            return Answer(error=text, reason="unauthorized")
        if 300 <= status < 400:
            return Answer(error=f"{text}: a redirect is not followed", reason=f"http_{status}")
        return Answer(error=f"{text}: {response.text[:200]!r}", reason=f"http_{status}")

    def close(self) -> None:
        """Close the kept connection."""
        self._courier.leave()
        if self._wire is not None:
            self._wire.close()
            self._wire = None


def _taken(content: bytes) -> Answer:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    if not content:
        return Answer(ok=True)
    try:
        answer = ExportTraceServiceResponse.FromString(content)
    except DecodeError:  # a 200 is a 200, whatever the server wrote beneath it
        return Answer(ok=True)
    partial = answer.partial_success
    return Answer(
        ok=True,
        rejected=max(0, partial.rejected_spans),
        error=partial.error_message,
        reason="rejected_by_collector",
    )


def retry_after(value: str | None, date: str | None = None) -> float | None:
    """Return the seconds of a Retry-After header (a number or a date), at most a minute; None without one.

    A date is read by the clock of the server that wrote it (`date`, its Date header), where it shows one.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        until = _moment(value)
        if until is None:
            return None
        seconds = (until - (_moment(date) or datetime.now(UTC))).total_seconds()
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER) if math.isfinite(seconds) else None


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)  # HTTP knows no other
