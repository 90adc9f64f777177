"""docs/quickstart.md, followed word by word in an empty directory: its files, its commands, what it says they print.

Only the ports are others, so that the page can be followed beside a Spanledger that is running.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import metadata
from pathlib import Path

import pytest

from tests.line.process import free_port

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PATIENCE = 60


def files() -> dict[str, str]:
    """The page's files: Python that begins with its name."""
    found: dict[str, str] = {}
    for language, body in FENCE.findall(PAGE):
        if language == "python":
            first, _, rest = body.partition("\n")
            found[first.removeprefix("# ")] = rest
    return found


def commands() -> list[tuple[str, str]]:
    """The page's commands in its order, each with what it prints; '' where the page does not say."""
    found: list[tuple[str, str]] = []
    for language, body in FENCE.findall(PAGE):
        if language == "console":
            command, _, printed = body.removeprefix("$ ").partition("\n")
            found.append((command, printed))
        elif language == "sh":
            found += [(line, "") for line in body.splitlines()]
    return found


def words(text: str) -> list[list[str]]:
    """Lines that say something, as words: a terminal may be wider than the page."""
    return [line.split() for line in text.splitlines() if line.strip(" ─")]


class Reader:
    """Somebody who follows the page in `home`, with the programs on `path` first."""

    def __init__(self, home: Path, path: str, stack: ExitStack) -> None:
        self.home = home
        self.ports = {"8787": str(free_port()), "8089": str(free_port())}
        self.url = f"http://127.0.0.1:{self.ports['8787']}"
        self._stack = stack
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPANLEDGER_", "OTEL_"))}
        self.environment: Mapping[str, str] = {
            **kept,
            "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "XDG_DATA_HOME": str(home / "data"),
            "SPANLEDGER_PORT": self.ports["8787"],
            "SPANLEDGER_ENDPOINT": self.url,
            "SPANLEDGER_GRPC_PORT": "0",
            "NO_COLOR": "1",
            "COLUMNS": "120",
        }
        for name, text in files().items():
            (home / name).write_text(self._here(text), encoding="utf-8")

    def _here(self, text: str) -> str:
        for port, other in self.ports.items():
            text = text.replace(port, other)
        return text

    def serve(self, command: str) -> None:
        """Start what goes on until it is stopped, in a terminal of its own."""
        process = self._stack.enter_context(self._running(command))
        port = self.ports["8787" if "spanledger" in command else "8089"]
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
            except urllib.error.HTTPError:
                return
            except OSError:
                assert process.poll() is None, f"{command} ended"
                assert time.monotonic() < deadline, f"{command} does not answer"
                time.sleep(0.2)
            else:
                return

    @contextmanager
    def _running(self, command: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self.home / "served.log").open("ab") as log:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"], env=self.environment, cwd=self.home, stdout=log, stderr=log
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)

    def run(self, command: str) -> str:
        """What a command prints."""
        done = subprocess.run(
            ["bash", "-c", self._here(command)], env=self.environment, cwd=self.home, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def page(self) -> str:
        """The page at the address that the page gives."""
        with urllib.request.urlopen(self.url, timeout=30) as answer:
            return answer.read().decode()


def follow(reader: Reader) -> None:
    for command, printed in commands():
        if command.startswith("pip install"):
            continue
        if command in ("spanledger up", "python provider.py"):
            reader.serve(command)
            continue
        said = reader.run(command)
        deadline = time.monotonic() + PATIENCE
        # "A second or two": whoever reads on is slower than this.
        while command.startswith("spanledger") and words(said) != words(printed) and time.monotonic() < deadline:
            time.sleep(0.5)
            said = reader.run(command)
        assert words(said) == words(printed), command
    assert "Spanledger" in reader.page()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def test_the_page_can_be_followed(tmp_path: Path, stack: ExitStack) -> None:
    follow(Reader(tmp_path, str(Path(sys.executable).parent), stack))


def test_what_the_page_installs_is_what_it_needs() -> None:
    (command,) = [command for command, _ in commands() if command.startswith("pip install")]
    assert command == "pip install 'spanledger[all]' openai"
    assert metadata.version("openai")


def test_the_page_s_files_are_the_example_s() -> None:
    there = ROOT / "examples" / "quickstart"
    assert files() == {path.name: path.read_text(encoding="utf-8") for path in there.glob("*.py")}


@pytest.mark.long
def test_the_page_can_be_followed_where_nothing_is_installed(tmp_path: Path, stack: ExitStack) -> None:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        pytest.skip("needs uv")
    venv = tmp_path / "venv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(venv)], check=True)
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    install = [uv, "pip", "install", "--quiet", "--python", str(venv / "bin" / "python"), f"{wheel}[all]", "openai"]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode and "connect" in done.stderr:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    home = tmp_path / "home"
    home.mkdir()
    follow(Reader(home, str(venv / "bin"), stack))
