from __future__ import annotations

from collections.abc import Iterator

import pytest

from spanledger_collector.access import is_loopback
from spanledger_collector.guard import COOKIE
from spanledger_store.control import Control, keys
from spanledger_store.engine import Engine
from tests.collector.conftest import Line, open_line

PAGE = {"accept": "text/html"}


def test_on_loopback_without_keys_everything_is_open(line: Line) -> None:
    assert line.client.post("/api/v1/query", json={"sql": "SELECT 1"}).status_code == 200


def test_a_foreign_name_for_this_machine_is_refused(line: Line) -> None:
    """DNS rebinding: a page elsewhere points its own name at 127.0.0.1."""
    for host in ("evil.example", "evil.example:8787", "127.0.0.1.evil.example"):
        assert line.client.get("/metrics", headers={"host": host}).status_code == 403
    for host in ("localhost:8787", "127.0.0.1", "[::1]:8787"):
        assert line.client.get("/metrics", headers={"host": host}).status_code == 200


@pytest.fixture
def locked(embedded: Engine, control: Control) -> Iterator[tuple[Line, str]]:
    _, secret = keys.create(control, "default", "eyes", "read")
    for line in open_line(embedded, control):
        yield line, secret


def test_with_a_read_key_made_reading_needs_it(locked: tuple[Line, str]) -> None:
    line, secret = locked
    client = line.client
    assert client.get("/healthz").status_code == 200
    for path in ("/metrics", "/api/docs", "/api/v1/doctor"):
        assert client.get(path).status_code == 401
    page = client.get("/traces", headers=PAGE, follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (303, "/signin?next=/traces")
    assert client.get("/metrics", headers={"authorization": f"Bearer {secret}"}).status_code == 200
    assert client.get("/metrics", headers={"authorization": "Bearer sl_read_wrong"}).status_code == 401


def test_a_read_key_closes_no_way_in(locked: tuple[Line, str]) -> None:
    line, _ = locked
    for signal in ("traces", "logs", "metrics"):
        answer = line.client.post(f"/v1/{signal}", content=b"", headers={"content-type": "application/x-protobuf"})
        assert answer.status_code == 200


def test_signing_in_and_out(locked: tuple[Line, str]) -> None:
    line, secret = locked
    client = line.client
    assert "Read key" in client.get("/signin", headers=PAGE).text
    failed = client.post("/signin", data={"key": "sl_read_wrong"})
    assert failed.status_code == 401
    assert "not valid here" in failed.text
    done = client.post("/signin?next=/metrics", data={"key": secret}, follow_redirects=False)
    assert (done.status_code, done.headers["location"]) == (303, "/metrics")
    assert "httponly" in done.headers["set-cookie"].lower()
    assert client.get("/metrics").status_code == 200
    client.get("/signout")
    assert client.get("/metrics").status_code == 401


def test_a_session_ends_with_its_key(locked: tuple[Line, str]) -> None:
    line, secret = locked
    line.client.post("/signin", data={"key": secret})
    assert line.client.get("/metrics").status_code == 200
    keys.revoke(line.collector.control, keys.listing(line.collector.control)[0].id)
    line.collector.access._active = (0.0, frozenset())
    assert line.client.get("/metrics").status_code == 401


def test_forged_sessions_and_foreign_targets_are_refused(locked: tuple[Line, str]) -> None:
    line, secret = locked
    line.client.cookies.set(COOKIE, "bG9jYWw.forged")
    assert line.client.get("/metrics").status_code == 401
    line.client.cookies.clear()
    for target in ("https://evil.example", "//evil.example", "/\\evil.example"):
        done = line.client.post("/signin", params={"next": target}, data={"key": secret}, follow_redirects=False)
        assert done.headers["location"] == "/"


@pytest.mark.parametrize(
    ("host", "answer"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("10.0.0.1", False), ("x", False)],
)
def test_loopback_is_known_when_seen(host: str, answer: bool) -> None:
    assert is_loopback(host) is answer
