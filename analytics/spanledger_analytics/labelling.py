"""Names for clusters from any OpenAI-compatible chat endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import requests

from spanledger_analytics.methods.clusters.errors import BadInput
from spanledger_analytics.methods.clusters.naming import Name, answered, parse, prompt

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 60.0
_ANSWER_SHOWN: Final = 300


class NotNamed(Exception):
    """A cluster has got no name; the message says why. Its own words go on naming it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask: `url` ends before `/chat/completions`, as in `http://127.0.0.1:11434/v1`."""

    url: str
    model: str
    key: str = field(default="", repr=False)


def name(endpoint: Endpoint, terms: Sequence[str], examples: Sequence[str], others: Sequence[str] = ()) -> Name:
    """Ask once. Sends nothing but what is given; follows no redirect. Raises NotNamed."""
    headers = {"user-agent": "spanledger"} | ({"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {})
    body = {"model": endpoint.model, "messages": prompt(terms, examples, others), "temperature": 0}
    try:
        with requests.post(
            f"{endpoint.url.rstrip('/')}/chat/completions",
            json=body,
            headers=headers,
            timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
            allow_redirects=False,
        ) as answer:
            if answer.status_code != 200:
                raise NotNamed(f"{endpoint.model} answered {answer.status_code}: {answer.text[:_ANSWER_SHOWN]}")
            return parse(answered(answer.json()))
    except requests.RequestException as error:
        raise NotNamed(f"{endpoint.url} cannot be asked for names: {error}") from error
    except BadInput as error:
        raise NotNamed(f"{endpoint.model}: {error}") from error
