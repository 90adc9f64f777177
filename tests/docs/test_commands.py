"""Every command in README.md and docs/ is run, in the order of the page, on a small demo."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FOLLOWED = "quickstart.md"  # as a whole, by test_quickstart.py
SERVING = ("spanledger up", "spanledger demo")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands(page: Path) -> list[str]:
    """The page's commands: lines of its shell fences that are not output or comments."""
    found: list[str] = []
    for block in FENCE.findall(page.read_text(encoding="utf-8")):
        prompted = block.startswith("$ ")
        for line in block.replace("\\\n", " ").splitlines():
            if prompted and not line.startswith("$ "):
                continue
            command = line.removeprefix("$ ").split("  # ")[0].strip()
            if command and not command.startswith("#"):
                found.append(command)
    return found


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A shell environment with the command on its path and a small demo in its data directory."""
    home = tmp_path_factory.mktemp("docs")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    made = {**os.environ, "PATH": path, "HOME": str(home), "SPANLEDGER_DATA": str(home / "data"), "NO_COLOR": "1"}
    for name in ("history", "bills"):
        shutil.copytree(ROOT / "examples" / name, home / "examples" / name)
    run("spanledger demo --no-serve --port 0 --days 3 --spans 2000", made, home)
    return {**made, "PWD": str(home)}


def run(command: str, environment: dict[str, str], home: Path) -> str:
    done = subprocess.run(["bash", "-c", command], env=environment, cwd=home, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def serve(command: str, environment: dict[str, str], home: Path) -> None:
    """A command that serves until it is told to stop: started on a free port, then stopped in order."""
    data = tempfile.mkdtemp(dir=home)
    words = [*shlex.split(re.sub(r"--(data|port) \S+", "", command)), "--port", "0", "--data", data]
    if words[1] == "demo":
        words += ["--days", "3", "--spans", "2000"]
    process = subprocess.Popen(words, env=environment, cwd=home, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if "http://127.0.0.1:" in line:
            break
    process.send_signal(signal.SIGTERM)
    said.append(process.stdout.read())
    process.stdout.close()
    assert process.wait() == 0, "".join(said)


def documented() -> list[list[tuple[str, str]]]:
    """Every command once, with the first page that has it, in order; neighbours that one process can run together."""
    first: dict[str, str] = {}
    for page in PAGES:
        if page.name != FOLLOWED:
            for command in commands(page):
                first.setdefault(command, page.name)
    groups = groupby(((page, command) for command, page in first.items()), key=lambda each: (each[0], plain(each[1])))
    found: list[list[tuple[str, str]]] = []
    for (_, together), group in groups:
        found += [list(group)] if together else [[each] for each in group]
    return found


def plain(command: str) -> bool:
    """True for a command of ours that needs no shell and ends by itself."""
    mine = command.startswith("spanledger ") and not command.startswith(SERVING)
    return mine and not re.search(r"[|<>$&;*]", command)


def cases() -> list[Any]:
    """What is run together, named by its first command; of demos that differ in a few words only, one."""
    found: list[Any] = []
    for group in documented():
        page, command = group[0]
        another = command.startswith("spanledger demo --") and "--no-serve" not in command
        found.append(pytest.param(group, id=f"{page} {command}", marks=pytest.mark.long if another else ()))
    return found


@pytest.mark.parametrize("group", cases())
def test_documented_commands_work(group: list[tuple[str, str]], environment: dict[str, str]) -> None:
    home = Path(environment["PWD"])
    if plain(group[0][1]):
        together([command for _, command in group], environment, home)
        return
    ((page, command),) = group
    if command.startswith("pip install"):
        wanted = re.search(r"spanledger(?:\[([a-z,]+)\])?", command)
        assert wanted is not None
        assert set(filter(None, (wanted[1] or "").split(","))) <= EXTRAS.keys()
    elif command.startswith("make "):
        assert command.split()[1] in TARGETS
    elif command.startswith(("git clone", "cd ")):
        assert page == "README.md"
    elif command.startswith("python "):
        assert (ROOT / command.split()[1]).exists()
        assert run(command.replace("python ", f"{sys.executable} {ROOT}/", 1) + " --help", environment, home)
    elif command.startswith("spanledger-run "):
        (home / "app.py").write_text("print('ran')\n")
        assert run(command, environment, home) == "ran\n"
    elif command.startswith(SERVING) and "--no-serve" not in command:
        serve(command, environment, home)
    elif command.startswith("spanledger demo"):
        small = (
            re.sub(r"--data \S+", "", command) + " --port 0 --days 3 --spans 2000 --data " + tempfile.mkdtemp(dir=home)
        )
        run(small, environment, home)
    else:
        assert command.startswith("spanledger "), f"{page}: {command!r} is run by no test"
        run(command, environment, home)


def together(wanted: list[str], environment: dict[str, str], home: Path) -> None:
    """Run commands one after another in one process; each must succeed."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "docs" / "one_process.py")],
        input="\n".join(wanted), env=environment, cwd=home, capture_output=True, text=True,
    )  # fmt: skip
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["command"], each["output"]) for each in told if each["code"]] == []
    assert [each["command"] for each in told] == wanted, done.stderr


def test_pages_have_commands() -> None:
    assert {page.name for page in PAGES if commands(page)} >= {"README.md", "operator.md", "finance.md", "team.md"}


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} -> {target}"
