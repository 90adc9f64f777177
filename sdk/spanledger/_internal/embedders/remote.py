"""Embeddings of any endpoint that speaks OpenAI's API (`POST BASE/embeddings`)."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from spanledger._internal.delivery.transport import retry_after

if TYPE_CHECKING:
    import requests

_TIMEOUT: Final = (5.0, 20.0)  # to connect, to answer
_MOST_TEXTS: Final = 256
_MOST_CHARS: Final = 200_000  # of one request
MAX_CHARS: Final = 16_000
"""Characters of a text that are sent: the models take 8,000 tokens and fewer."""
_TRIES: Final = 3
_LONGEST_PAUSE: Final = 20.0
_RETRYABLE: Final = frozenset({408, 409, 429, 500, 502, 503, 504})


class EmbeddingError(Exception):
    """The endpoint did not give vectors; the message says what it answered."""


class RemoteEmbedder:
    """Asks the endpoint in batches, up to three times with growing pauses or after its `Retry-After`.

    Raises EmbeddingError. Used by one thread; a proxy and certificates are those that `requests` finds.
    """

    def __init__(self, base: str, model: str, key: str | None) -> None:
        self.model = model
        self._url = f"{base.rstrip('/')}/embeddings"
        self._headers = {"user-agent": "spanledger-sdk", **({"authorization": f"Bearer {key}"} if key else {})}
        self._session: requests.Session | None = None

    def __repr__(self) -> str:
        return f"RemoteEmbedder({self._url!r}, {self.model!r})"

    def __call__(self, texts: list[str]) -> Sequence[Iterable[float]]:
        """Return one vector per text, in order."""
        vectors: list[list[float]] = []
        for part in _batches([text[:MAX_CHARS] for text in texts]):
            vectors += self._ask(part)
        return vectors

    def _ask(self, texts: list[str]) -> list[list[float]]:
        # Imported here for weight, as in the transport.
        import requests

        if self._session is None:
            self._session = requests.Session()
        body = {"model": self.model, "input": texts, "encoding_format": "float"}
        pause = 0.5
        for left in reversed(range(_TRIES)):
            wait: float | None = None
            try:
                answer = self._session.post(
                    self._url, json=body, headers=self._headers, timeout=_TIMEOUT, allow_redirects=False
                )
            except requests.exceptions.RequestException as error:
                said = f"{type(error).__name__} at {self._url}"
            else:
                if answer.status_code == 200:
                    return _vectors(answer, len(texts), self._url)
                said = f"HTTP {answer.status_code} from {self._url}"
                if answer.status_code in (401, 403):
                    raise EmbeddingError(f"{said}; check SPANLEDGER_EMBEDDER_KEY or OPENAI_API_KEY")
                if answer.status_code not in _RETRYABLE:
                    raise EmbeddingError(f"{said}: {answer.text[:200]!r}")
                wait = retry_after(answer.headers.get("retry-after"))
            if not left:
                raise EmbeddingError(said)
            time.sleep(min(wait if wait is not None else pause * random.uniform(0.5, 1), _LONGEST_PAUSE))  # noqa: S311
            pause *= 3
        raise AssertionError("unreachable")


def _batches(texts: list[str]) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for text in texts:
        if part and (len(part) == _MOST_TEXTS or size + len(text) > _MOST_CHARS):
            yield part
            part, size = [], 0
        part.append(text)
        size += len(text)
    if part:
        yield part


def _vectors(answer: requests.Response, count: int, url: str) -> list[list[float]]:
    try:
        data: Any = answer.json()["data"]
        listed: list[list[float]] = [item["embedding"] for item in sorted(data, key=lambda item: item.get("index", 0))]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EmbeddingError(f"{url} answered without embeddings: {answer.text[:200]!r}") from error
    if len(listed) != count:
        raise EmbeddingError(f"{url} gave {len(listed)} embeddings for {count} texts")
    return listed
