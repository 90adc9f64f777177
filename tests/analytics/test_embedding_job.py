"""The embedding job: which calls get a vector, by which model, with which probability; again without a change."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np
import pytest

from spanledger_analytics import embedders
from spanledger_analytics.jobs import embedding as job
from spanledger_store import embedding
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, embeddings, projects
from spanledger_store.control.embeddings import EmbeddingInvalid, Fitted, Settings
from spanledger_store.embedding import Asked, Wanted
from spanledger_store.engine import Engine
from spanledger_store.writer import write
from tests.store.rows import content_row, embedding_row, span_row

NOW = datetime(2026, 3, 28, 15, 20, tzinfo=UTC)
WORDS = ("refund", "parcel", "password", "invoice", "battery", "order", "card", "login", "charge", "depot")


def fill(
    engine: Engine,
    control: Control,
    calls: int,
    *,
    a_session: int = 1,
    first: int = 0,
    back: float = 20.0,
    project: str = "default",
) -> None:
    """Calls of the last `back` hours that ask different things, `a_session` in a row of one session."""
    dice = np.random.default_rng(first + 1)
    spans, contents = [], []
    for number in range(first, first + calls):
        at = NOW - timedelta(hours=back) + timedelta(hours=back * (number - first) / calls)
        same = {**identity(number), "start_time": int(at.timestamp() * 1e9), "ingested_at": 1 + first}
        same["project_id"] = project
        text = f"where is my {' '.join(dice.choice(WORDS, 3))} number {number % 97}"
        spans.append(span_row(**same, session=f"s{number // a_session}"))
        contents.append(content_row(**same, input=messages(text)))
    write(engine, control, SpanBatch(f"calls-{project}-{first}", spans, contents))


def identity(number: int) -> dict[str, Any]:
    return {"trace_id": f"{number:032x}", "span_id": f"{number:016x}"}


def messages(text: str) -> str:
    system = {"role": "system", "parts": [{"type": "text", "content": "You help."}]}
    return json.dumps([system, {"role": "user", "parts": [{"type": "text", "content": text}]}])


def vectors(engine: Engine) -> dict[str, int]:
    return dict(engine.rows("SELECT model, count() FROM embeddings GROUP BY model"))


def test_calls_get_vectors_of_the_lexical_model_and_a_second_run_makes_none(engine: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    fill(engine, control, 500)
    told: list[tuple[str, int, int]] = []
    assert job.look(engine, control, "default", NOW, lambda *each: told.append(each)) == 500
    assert vectors(engine) == {"lexical-v1-2026-03-28": 500}
    assert any(each[0] == "embedding default" for each in told)
    size, norm, probability = engine.rows(
        "SELECT length(vector), sqrt(arraySum(x -> x * x, vector)), probability FROM embeddings LIMIT 1"
    )[0]
    assert (size, probability) == (256, 1.0)
    assert norm == pytest.approx(1.0, abs=0.01)
    assert job.look(engine, control, "default", NOW) == 0
    # Three more, in hours that were done.
    fill(engine, control, 3, first=500)
    assert job.look(engine, control, "default", NOW) == 3
    assert job.look(engine, control, "default", NOW) == 0
    assert embedding.covered(engine, "default", NOW - timedelta(days=2)) == (503, 503)


def test_vectors_that_were_sent_win_and_what_is_no_call_gets_none(engine: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    fill(engine, control, 300)
    at = {"start_time": int((NOW - timedelta(hours=3)).timestamp() * 1e9), "ingested_at": 7}
    spans, contents = [], []
    for number, more in enumerate(
        ({}, {"kind": "tool", "is_billable": False}, {"is_billable": False}, {"kind": "embedding"}, {}), 5000
    ):
        spans.append(span_row(**identity(number) | at | more))
        contents.append(content_row(**identity(number) | at, input="" if number == 5004 else messages("refund")))
    sent = [embedding_row(**identity(5000) | at, model="all-MiniLM-L6-v2", vector=[0.1] * 384)]
    write(engine, control, SpanBatch("others", spans, contents, sent))
    assert job.look(engine, control, "default", NOW) == 300
    assert vectors(engine) == {"lexical-v1-2026-03-28": 300, "all-MiniLM-L6-v2": 1}


def test_too_few_texts_wait_for_more(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    fill(embedded, control, 60)
    assert job.look(embedded, control, "default", NOW) == 0
    fill(embedded, control, 400, first=60)
    assert job.look(embedded, control, "default", NOW) == 460


def test_a_day_s_room_is_kept_by_choosing_whole_sessions(engine: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    embeddings.put(control, Settings("default", most_a_day=400))
    fill(engine, control, 2000, a_session=5, back=15.0)
    made = job.look(engine, control, "default", NOW)
    # Sessions are chosen by their hashes: 80 of 400 are expected, give or take 8.
    assert 300 <= made <= 500
    rows = engine.rows(
        "SELECT s.session AS session, count() AS calls, min(e.probability) AS p FROM embeddings AS e "
        "INNER JOIN spans AS s ON s.span_id = e.span_id GROUP BY session"
    )
    whole = [calls for _, calls, _ in rows if calls == 5]
    # Those that an hour's end cuts may be in with a part.
    assert len(whole) >= 0.9 * len(rows)
    (weight,) = engine.rows("SELECT sum(1 / probability) FROM embeddings")[0]
    assert weight == pytest.approx(2000, rel=0.3)


def test_shares_weighted_by_the_probability_are_unbiased(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    fill(embedded, control, 4000, a_session=4)
    embeddings.put(control, Settings("default", rate=0.25))
    made = job.look(embedded, control, "default", NOW)
    # 1,000 sessions at .25: 250 are chosen, give or take 14.
    assert abs(made / 4 - 250) < 4 * math.sqrt(1000 * 0.25 * 0.75)
    assert embedded.rows("SELECT DISTINCT probability FROM embeddings") == [(0.25,)]


def test_a_run_that_is_out_of_time_is_taken_up_where_it_stopped(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    fill(embedded, control, 900)
    asked = embedders.chosen(embedded, control, Settings("default"), NOW)
    assert asked is not None
    first = job.look(embedded, control, "default", NOW, until=0.0)
    assert first == 0
    before = NOW.replace(minute=0) - timedelta(hours=2)
    wanted = Wanted("default", before, before + timedelta(hours=1), asked[0], [asked[0]], 1.0)
    page = next(embedding.pages(embedded, wanted, limit=20))
    embedding.write(embedded, "default", asked[0], page, asked[1]([each.text for each in page]), 1.0)
    assert job.look(embedded, control, "default", NOW) == 880
    assert vectors(embedded) == {asked[0]: 900}


def test_pages_come_to_every_call_once(engine: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    fill(engine, control, 103, back=0.9)
    hour = NOW.replace(minute=0)
    for at in (hour, hour - timedelta(hours=1)):
        wanted = Wanted("default", at, at + timedelta(hours=1), "m", ["m"], 1.0)
        found = [each.span for page in embedding.pages(engine, wanted, 7) for each in page]
        known = engine.rows(
            "SELECT count() FROM spans WHERE toStartOfHour(start_time) = {at:DateTime('UTC')}", {"at": at}
        )
        assert len(found) == len(set(found)) == known[0][0] > 0


Answer = Callable[[list[str]], Any]


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An endpoint that speaks OpenAI's API, and what it was asked; vectors of 8 dimensions."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append({"body": body, "key": self.headers.get("authorization")})
            made = [
                {"index": at, "embedding": [float(len(text) % 5 == place % 5) for place in range(8)]}
                for at, text in enumerate(body["input"])
            ]
            answer = json.dumps({"data": made}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_endpoint_is_asked_with_its_key_and_a_change_of_model_embeds_anew(
    embedded: Engine,
    control: Control,
    endpoint: tuple[str, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, asked = endpoint
    projects.ensure(control, "default")
    fill(embedded, control, 250)
    assert job.look(embedded, control, "default", NOW) == 250
    embeddings.put(control, Settings("default", f"{url}#tiny", "env:EMBEDDER_KEY"))
    with pytest.raises(EmbeddingInvalid, match="no EMBEDDER_KEY"):
        job.run(embedded, control, now=NOW, seconds=120)
    monkeypatch.setenv("EMBEDDER_KEY", "k1")
    assert job.run(embedded, control, now=NOW, seconds=120) == 250
    assert {each["key"] for each in asked} == {"Bearer k1"}
    assert {each["body"]["model"] for each in asked} == {"tiny"}
    assert vectors(embedded) == {"lexical-v1-2026-03-28": 250, "tiny": 250}
    assert job.run(embedded, control, now=NOW, seconds=120) == 0
    found = embedding.models(embedded, "default", NOW - timedelta(days=2))
    assert {each.model: each.dimensions for each in found} == {"lexical-v1-2026-03-28": 256, "tiny": 8}


def test_what_cannot_be_reached_is_told_and_other_projects_are_served(embedded: Engine, control: Control) -> None:
    for name in ("default", "other"):
        projects.ensure(control, name)
        fill(embedded, control, 250, project=name)
    embeddings.put(control, Settings("default", "openai:text-embedding-3-small"))
    with pytest.raises(EmbeddingInvalid, match="needs a key"):
        job.run(embedded, control, now=NOW, seconds=120)
    assert embedded.rows("SELECT project_id, count() FROM embeddings GROUP BY project_id") == [("other", 250)]
    assert "needs a key" in embeddings.progress(control, "default").error


def test_a_project_that_embeds_nothing_gets_nothing(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    fill(embedded, control, 250)
    embeddings.put(control, Settings("default", "off"))
    assert job.run(embedded, control, now=NOW, seconds=120) == 0


@pytest.mark.parametrize(
    ("values", "outgrown"),
    [
        ({"words": 9000, "unseen": 900, "met": 1000}, True),  # 10 % new, 3 % expected
        ({"words": 9000, "unseen": 500, "met": 1000}, False),
        ({"words": 900, "unseen": 300, "met": 100}, False),  # too few to tell
        ({"words": 9000, "unseen": 200, "met": 17_000}, True),  # made of 2,000 texts, 17,000 since
        ({"texts": 30_000, "words": 9000, "unseen": 200, "met": 300_000}, False),
        ({"words": 9000, "unseen": 900, "met": 1000, "fitted_at": NOW - timedelta(hours=23)}, False),
    ],
)
def test_when_a_lexical_embedder_is_outgrown(values: dict[str, Any], outgrown: bool) -> None:
    held = {"fitted_at": NOW - timedelta(days=3), "texts": 2000, "expected_unseen": 0.03} | values
    assert embedders.is_outgrown(Fitted("default", "m", **held), NOW) is outgrown


def test_new_words_bring_a_new_model_under_another_name(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    fill(embedded, control, 300)
    assert job.look(embedded, control, "default", NOW) == 300
    fitted = embeddings.fitted(control, "default")
    assert fitted is not None
    embeddings.met(control, fitted, 10_000, 5_000, 1_000)
    later = NOW + timedelta(hours=25)
    assert job.look(embedded, control, "default", later) == 300
    assert vectors(embedded) == {"lexical-v1-2026-03-28": 300, "lexical-v1-2026-03-29": 300}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (messages("where is it"), "where is it"),
        ('[{"role": "user", "parts": [{"type": "text", "content": "a"}, {"type": "text", "content": "b"}]}]', "a\nb"),
        ('[{"role": "user", "parts": [{"type": "text", "content": "first"}]}, {"role": "assistant", "parts": []}]',
         "first"),
        ('[{"role": "system", "parts": [{"type": "text", "content": "only"}]}]', "only"),
        ('[{"role": "user", "parts": [{"type": "blob", "content": "x"}]}]', ""),
        ("[1, null, {}]", ""),
        ("plain words", "plain words"),
        ('"quoted"', "quoted"),
        ('{"a": 1}', ""),
    ],
)  # fmt: skip
def test_what_was_asked(content: str, text: str) -> None:
    assert embedding.asked(content) == text


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"embedder": " "}, "embedder ' ' cannot be"),
        ({"key": "sk-1"}, "env:NAME or file:PATH"),
        ({"rate": 0.0}, "rate 0.0"),
        ({"rate": float("nan")}, "rate nan"),
        ({"most_a_day": 0}, "0 calls a day"),
        ({"days": 0}, "0 days back"),
    ],
)
def test_settings_that_cannot_be_are_refused(values: dict[str, Any], says: str) -> None:
    with pytest.raises(EmbeddingInvalid, match=says):
        Settings("default", **values)


def test_a_vector_of_nothing_is_not_stored(embedded: Engine) -> None:
    calls = [Asked(1, "a", "b", "x"), Asked(2, "a", "c", "y")]
    made = np.array([[0.0, 0.0], [0.6, 0.8]], dtype=np.float32)
    assert embedding.write(embedded, "default", "m", calls, made, 1.0) == 1
    assert embedded.rows("SELECT span_id FROM embeddings") == [("c",)]
