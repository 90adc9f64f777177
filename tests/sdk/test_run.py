"""`spanledger-run`: a program behaves as it would under `python`, and is observed."""

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spanledger import run

from .provider import Provider, serving
from .sink import Sink

ROOT = Path(__file__).parents[2]
ABOUT = """
import json, sys
main = sys.modules["__main__"]
print(json.dumps([sys.argv, sys.path[0], __name__, main.__file__ if hasattr(main, "__file__") else None]))
"""
CALL = """
import openai
with openai.OpenAI(api_key="k") as client:
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Q"}])
"""


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A fake model provider."""
    with serving() as url:
        yield url


def start(
    words: list[str], where: Path, *, plain: bool = False, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program by `spanledger-run`, or as it is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL", "SPANLEDGER"))}
    settings = {"SPANLEDGER_ENDPOINT": "http://127.0.0.1:9", **environment}
    line = [sys.executable, *words] if plain else [sys.executable, "-m", "spanledger.run", *words]
    return subprocess.run(line, cwd=where, env={**kept, **settings}, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("words", [["app.py", "--x", "-m", "y"], ["-m", "app", "1"], ["sub/app.py"], ["package"]])
def test_a_program_finds_everything_as_under_python(tmp_path: Path, words: list[str]) -> None:
    for name in ("app.py", "sub/app.py", "package/__main__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(ABOUT)
    ours, theirs = start(words, tmp_path), start(words, tmp_path, plain=True)
    assert ours.stdout == theirs.stdout != ""
    assert (ours.returncode, ours.stderr) == (0, "")


@pytest.mark.parametrize(
    "code",
    ["import sys; sys.exit(7)", "raise SystemExit('no')", "1 / 0", "import os, signal; os.kill(os.getpid(), 15)"],
)
def test_it_ends_as_under_python(tmp_path: Path, code: str) -> None:
    (tmp_path / "app.py").write_text(code)
    ours, theirs = start(["app.py"], tmp_path), start(["app.py"], tmp_path, plain=True)
    assert ours.returncode == theirs.returncode not in (0, None)
    assert ours.stderr == theirs.stderr
    assert ours.returncode == -signal.SIGTERM or ours.returncode > 0


def test_an_unchanged_program_is_observed(tmp_path: Path, sink: Sink, provider: Provider) -> None:
    (tmp_path / "app.py").write_text(CALL)
    done = start(["app.py"], tmp_path, SPANLEDGER_ENDPOINT=sink.url, OPENAI_BASE_URL=f"{provider}/v1")
    assert (done.returncode, done.stderr) == (0, "")
    assert [(span.name, span.attributes["spanledger.cost.usd"]) for span in sink.spans] == [("chat gpt-4o", "0.003")]


def test_what_a_program_starts_is_observed_too(tmp_path: Path, sink: Sink, provider: Provider) -> None:
    (tmp_path / "worker.py").write_text(CALL)
    (tmp_path / "app.py").write_text(
        "import subprocess, sys\nsubprocess.run([sys.executable, 'worker.py'], check=True)"
    )
    done = start(["app.py"], tmp_path, SPANLEDGER_ENDPOINT=sink.url, OPENAI_BASE_URL=f"{provider}/v1")
    assert (done.returncode, done.stderr) == (0, "")
    assert [span.name for span in sink.spans] == ["chat gpt-4o"]


def test_a_command_is_observed(tmp_path: Path, sink: Sink, provider: Provider) -> None:
    command = tmp_path / "serve"
    command.write_text(f"#!{sys.executable}\n{CALL}")
    command.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    for words in (["serve"], ["--", "serve"]):
        done = start(words, tmp_path, PATH=path, SPANLEDGER_ENDPOINT=sink.url, OPENAI_BASE_URL=f"{provider}/v1")
        assert (done.returncode, done.stderr) == (0, "")
    assert len(sink.spans) == 2


def test_it_can_be_turned_off(tmp_path: Path, sink: Sink, provider: Provider) -> None:
    (tmp_path / "app.py").write_text(CALL)
    for setting in ({"SPANLEDGER_ENABLED": "false"}, {"SPANLEDGER_INSTRUMENT": "off"}):
        done = start(["app.py"], tmp_path, SPANLEDGER_ENDPOINT=sink.url, OPENAI_BASE_URL=f"{provider}/v1", **setting)
        assert (done.returncode, done.stderr) == (0, "")
    assert sink.spans == []


def test_the_environments_own_sitecustomize_still_runs(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import builtins\nbuiltins.theirs = __file__")
    (tmp_path / "app.py").write_text(
        "import sys, spanledger, sitecustomize\n"
        "from spanledger._internal import runtime\n"
        "print(theirs == sitecustomize.__file__, runtime.active is not None, "
        "[p for p in sys.path if 'instrument' in p])"
    )
    done = start(["app.py"], tmp_path, PYTHONPATH=str(site))
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("True True []", "", 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to run"),
        (["-m"], "'-m' is neither"),
        (["no-such-thing"], "'no-such-thing' is neither a Python file nor a command"),
        (["--", "no-such-thing"], "'no-such-thing' is neither"),
        (["--fast", "app.py"], "'--fast' is neither"),
    ],
)
def test_what_cannot_be_run_is_named(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(words) == 2
    assert said in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: spanledger-run FILE.py")


def test_a_python_that_lacks_the_package_runs_undisturbed(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    run.prepare(environment)
    run.prepare(environment)
    assert environment["SPANLEDGER_INSTRUMENT"] == "auto"
    assert environment["PYTHONPATH"].count("site") == 1
    code = "import sys; print('spanledger' in sys.modules)"
    done: Any = subprocess.run(
        [getattr(sys, "_base_executable", sys.executable), "-c", code],
        env={**environment, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("False", "", 0)


def test_the_command_is_installed() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts["spanledger-run"] == "spanledger.run:main"
    assert json.dumps(run.command(["-c", "print(1)"])) == json.dumps([sys.executable, "-c", "print(1)"])
