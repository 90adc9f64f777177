"""One OTLP/HTTP request and what its answer means."""

from __future__ import annotations

import gzip
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import requests

_RETRYABLE: Final = frozenset({408, 429, 500, 502, 503, 504})
_MAX_RETRY_AFTER: Final = 60.0
_TRACES_PATH: Final = "/v1/traces"
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
    """Posts encoded spans to one endpoint over a kept connection."""

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
        self._session: requests.Session | None = None

    @property
    def takes_reports(self) -> bool:
        """True where metrics have an address beside that of spans."""
        return self._reports_to is not None

    def post(self, body: bytes) -> Answer:
        """Send spans in one request and return what became of it; raises nothing."""
        return self._send(self._endpoint, body, self._timeout)

    def report(self, body: bytes) -> Answer:
        """Send metrics in one request, within two seconds; raises nothing."""
        if self._reports_to is None:
            return Answer(reason="no_address")
        return self._send(self._reports_to, body, min(self._timeout, _REPORT_TIMEOUT))

    def _send(self, endpoint: str, body: bytes, timeout: float) -> Answer:
        # requests takes 0.15 s to import: paid by the export thread, not by `import spanledger`.
        import requests

        if self._session is None:
            self._session = requests.Session()
        try:
            response = self._session.post(
                endpoint,
                data=gzip.compress(body, compresslevel=1),
                headers=self._headers,
                timeout=(min(timeout, 5.0), timeout),
                allow_redirects=False,
            )
        except requests.exceptions.RequestException as error:
            return Answer(retryable=True, error=f"{type(error).__name__} at {endpoint}")
        status = response.status_code
        if status == 200:
            return _taken(response.content) if endpoint == self._endpoint else Answer(ok=True)
        text = f"HTTP {status} from {endpoint}"
        if status in _RETRYABLE:
            wait = retry_after(response.headers.get("retry-after"))
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
        if self._session is not None:
            # At exit urllib3 lets go of its connections before this thread does, and closes none used later.
            manager: Any = getattr(self._session.get_adapter(self._endpoint), "poolmanager", None)
            if manager is not None:
                for key in manager.pools.keys():  # noqa: SIM118 - no mapping: it cannot be iterated over
                    manager.pools[key].close()
            self._session.close()
            self._session = None


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


def retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header (a number or a date), at most a minute; None without one."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER) if math.isfinite(seconds) else None
