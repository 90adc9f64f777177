"""Names for clusters from any OpenAI-compatible chat endpoint, where one is set."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import requests
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from spanledger_analytics.methods.clusters.errors import BadInput
from spanledger_analytics.methods.clusters.naming import Name, answered, parse, prompt
from spanledger_analytics.topics import Described

logger = logging.getLogger(__name__)
CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 60.0
_ANSWER_SHOWN: Final = 300
# Names that an endpoint is to tell a new one from: those of the clusters that share most words with it.
_OTHERS: Final = 8
# After so many failures one after another the endpoint is left alone until the next codebook.
_PATIENCE: Final = 3


class LabellerSettings(BaseSettings):
    """Who names clusters; without a URL and a model their own words do.

    | field | variable | meaning |
    |---|---|---|
    | url | SPANLEDGER_LABELLER_URL | OpenAI-compatible endpoint, without `/chat/completions` |
    | model | SPANLEDGER_LABELLER_MODEL | model that is asked |
    | key | SPANLEDGER_LABELLER_KEY | the endpoint's key, if it takes one |
    """

    model_config = SettingsConfigDict(env_prefix="SPANLEDGER_LABELLER_", frozen=True, extra="ignore")

    url: str = ""
    model: str = ""
    key: SecretStr = SecretStr("")

    def endpoint(self) -> Endpoint | None:
        """Where to ask; None where nothing is set."""
        return Endpoint(self.url, self.model, self.key.get_secret_value()) if self.url and self.model else None


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


def relabelled(
    endpoint: Endpoint,
    told: Mapping[int, Described],
    texts: Sequence[str],
    progress: Callable[[str, int, int], None] = lambda *_: None,
    keep: Collection[int] = (),
) -> dict[int, Described]:
    """Clusters with the endpoint's names as labels, but for those to `keep`; where it gives none, a cluster keeps its
    own words.

    Sent are only words and exemplars that may be shown to anybody: a cluster without any is not asked about.
    """
    made = dict(told)
    failures = 0
    for done, (number, each) in enumerate(sorted(told.items())):
        examples = [texts[row] for row in each.exemplars]
        if number in keep or not each.label or not examples or failures >= _PATIENCE:
            continue
        progress("naming", done, len(told))
        try:
            made[number] = replace(each, label=name(endpoint, each.words, examples, _near(number, made)).name)
            failures = 0
        except NotNamed as error:
            failures += 1
            logger.warning("cluster keeps its own words for a name: %s", error)
    return made


def _near(number: int, told: Mapping[int, Described]) -> list[str]:
    """Labels of the clusters that share most words with this one."""
    words = {part for word in told[number].words for part in word.split()}
    shared = {
        other: len(words & {part for word in each.words for part in word.split()})
        for other, each in told.items()
        if other != number and each.label
    }
    return [told[other].label for other in sorted(shared, key=lambda other: (-shared[other], other)) if shared[other]][
        :_OTHERS
    ]
