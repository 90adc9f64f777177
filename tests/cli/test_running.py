"""A running `up` is found; what only looks like one is not."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from spanledger_cli import running
from spanledger_cli.errors import CliError
from spanledger_cli.running import Running


class Handler(BaseHTTPRequestHandler):
    """Answers as `up` would, and badly where asked to."""

    answers: dict[str, tuple[int, bytes]] = {  # noqa: RUF012
        "/healthz": (200, b'{"status": "ok"}'),
        "/text": (200, b"<html>"),
        "/refused": (400, b'{"detail": "no: do this instead"}'),
        "/invalid": (422, b'{"detail": [{"msg": "field required"}]}'),
    }

    def do_GET(self) -> None:
        status, body = self.answers[self.path]
        if self.headers["authorization"] != "Bearer secret":
            status, body = 401, b'{"detail": "no key"}'
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_is_announced_is_found_until_it_is_withdrawn(url: str, tmp_path: Path) -> None:
    here = Running(os.getpid(), url, "secret")
    assert running.find(tmp_path) is None
    running.announce(tmp_path, here)
    assert stat.S_IMODE((tmp_path / "up.json").stat().st_mode) == 0o600
    assert running.find(tmp_path) == here
    assert [each.name for each in tmp_path.iterdir()] == ["up.json"]
    running.withdraw(tmp_path, here.pid + 1)
    assert running.find(tmp_path) == here
    running.withdraw(tmp_path, here.pid)
    assert list(tmp_path.iterdir()) == []
    running.withdraw(tmp_path, here.pid)


def test_a_file_of_a_dead_process_is_ignored(url: str, tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    running.announce(tmp_path, Running(dead.pid, url, "secret"))
    assert running.find(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"pid": "x", "url": "", "token": ""}'])
def test_a_broken_file_is_ignored(tmp_path: Path, text: str) -> None:
    (tmp_path / "up.json").write_text(text)
    assert running.find(tmp_path) is None


def test_another_server_on_the_port_is_not_taken_for_it(url: str, tmp_path: Path) -> None:
    running.announce(tmp_path, Running(os.getpid(), url, "of an earlier start"))
    assert running.find(tmp_path) is None
    running.announce(tmp_path, Running(os.getpid(), "http://127.0.0.1:1", "secret"))
    assert running.find(tmp_path) is None


def test_errors_carry_the_servers_words(url: str) -> None:
    up = Running(os.getpid(), url, "secret")
    assert up.get("/healthz") == {"status": "ok"}
    with pytest.raises(CliError, match=r"^no: do this instead$"):
        up.get("/refused")
    with pytest.raises(CliError, match=r"422.*field required"):
        up.get("/invalid")
    with pytest.raises(CliError, match="not JSON: b'<html>'"):
        up.get("/text")
    with pytest.raises(CliError, match=f"process {up.pid} but does not answer"):
        Running(up.pid, "http://127.0.0.1:1", "secret").post("/x", {})


def test_the_token_is_not_shown(url: str) -> None:
    assert "secret" not in repr(Running(1, url, "secret"))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8"),
        ("::", "http://[::1]:8"),
        ("::1", "http://[::1]:8"),
        ("192.168.1.5", "http://192.168.1.5:8"),
        ("localhost", "http://localhost:8"),
    ],
)
def test_the_address_for_this_machine(host: str, url: str) -> None:
    assert running.local_url(host, 8) == url


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    running.announce(tmp_path, Running(7, "http://127.0.0.1:8", "t"))
    assert json.loads((tmp_path / "up.json").read_text()) == {
        "pid": 7,
        "url": "http://127.0.0.1:8",
        "token": "t",
        "grpc": "",
    }
