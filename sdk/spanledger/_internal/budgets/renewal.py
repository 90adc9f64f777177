"""The thread that asks the collector how budgets stand, so that no call waits for it."""

from __future__ import annotations

import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from opentelemetry import context as otel_context
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - OpenTelemetry offers no other name
)

from spanledger._internal.budgets.limits import DIMENSIONS, Limits, Slice, read
from spanledger._internal.log import warn_once

if TYPE_CHECKING:
    import requests

EVERY: Final = 2.0
TIMEOUT: Final = 2.0
_LONGEST_PAUSE: Final = 15.0
_SEEN: Final = 200
_TRACES_PATH: Final = "/v1/traces"
_STATE_PATH: Final = "/api/v1/budgets/state"
_BEHIND: Final = "x-spanledger-behind"

Told = Callable[[Limits], None]


class Renewal:
    """Asks every two seconds, from the first call that needs it on; hands each answer to `told`.

    `before` is called ahead of each question. A collector that cannot be asked is said once, and asked more rarely.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str], before: Callable[[], None], told: Told) -> None:
        base, found, rest = endpoint.rpartition(_TRACES_PATH)
        self._url = f"{base}{_STATE_PATH}" if found and not rest else None
        self._headers = {name: value for name, value in headers.items() if not name.startswith("content-")}
        self._before = before
        self._told = told
        self._last: Limits | None = None
        self._tag = ""
        self._session: requests.Session | None = None
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        self.after_fork()

    def after_fork(self) -> None:
        """Begin anew in this process: threads, locks and connections are its parent's."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._session = None
        self.answered = threading.Condition()
        self.is_failing = False  # the last question had no answer: nobody waits for the next one

    def ensure_started(self) -> None:
        """Start the thread if it is not running."""
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._closed:
                    self._thread = threading.Thread(target=self._run, name="spanledger-budgets", daemon=True)
                    self._thread.start()

    def ask_about(self, call: Slice) -> None:
        """Have the next question, which follows at once, name this call's values too."""
        with self._lock:
            for name in DIMENSIONS:
                key = (name, getattr(call, name))
                self._seen[key] = None
                self._seen.move_to_end(key)
            while len(self._seen) > _SEEN * len(DIMENSIONS):
                self._seen.popitem(last=False)
        if not self.is_failing:
            self._wake.set()

    def close(self) -> None:
        """Ask no more; nobody is waited for."""
        self._closed = True
        self._wake.set()

    def _run(self) -> None:
        otel_context.attach(otel_context.set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        pause = EVERY
        while not self._closed:
            self._wake.clear()
            try:
                problem = self._ask()
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
            if problem:
                warn_once("budgets", "the state of budgets cannot be had from the collector: %s", problem)
                pause = min(pause * 2, _LONGEST_PAUSE) * random.uniform(0.8, 1.0)  # noqa: S311 - jitter, no secret
            else:
                pause = EVERY
            with self.answered:
                self.is_failing = bool(problem)
                self.answered.notify_all()
            self._wake.wait(pause)
        if self._session is not None:
            self._session.close()

    def _ask(self) -> str:
        """Why there is no answer; '' where there is one."""
        if self._url is None:
            return "the endpoint does not end in /v1/traces, so its API has no known address"
        # requests takes 0.15 s to import: paid by this thread, as by the export thread.
        import requests

        self._before()
        if self._session is None:
            self._session = requests.Session()
        last = self._last
        asked = frozenset[tuple[str, str]]()
        if last is not None and not last.is_complete:
            with self._lock:
                asked = frozenset(key for key in self._seen if key[0] in last.asked_by)
        headers = dict(self._headers)
        if self._tag and last is not None and last.asked == asked:
            headers["if-none-match"] = self._tag
        sent = time.monotonic()
        try:
            answer = self._session.get(
                self._url, params=sorted(asked), headers=headers, timeout=TIMEOUT, allow_redirects=False
            )
        except requests.exceptions.RequestException as error:
            return f"{type(error).__name__} at {self._url}"
        complete_to = sent - float(answer.headers.get(_BEHIND, "0"))
        if answer.status_code == 304 and last is not None:
            found = replace(last, complete_to=complete_to)
        elif answer.status_code == 200:
            found = read(answer.json(), time.monotonic(), complete_to, asked)
            self._tag = answer.headers.get("etag", "")
        else:
            hint = "; check SPANLEDGER_API_KEY" if answer.status_code in (401, 403) else ""
            return f"HTTP {answer.status_code} from {self._url}{hint}"
        self._last = found
        self._told(found)
        return ""
