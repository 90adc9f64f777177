"""Recorded answers of models, so that tests of a program neither pay nor wait for them, nor depend on them.

    from spanledger.testing import replay

    def test_the_answer():
        with replay("tests/recordings/answer.json"):
            assert "Tuesday" in answer("When does it arrive?")

The first run calls the model and writes the file; put it beside the test and under version control.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from spanledger._internal.observing.interception import intercepted
from spanledger._internal.recording.replaying import ReplayError, Tape

_VERSION: Final = 1


@contextmanager
def replay(
    path: str | os.PathLike[str], mode: Literal["auto", "record", "replay"] = "auto", *, pauses: bool = False
) -> Generator[Tape]:
    """Answer observed model calls from a file; record them there where it does not exist yet.

    | mode | |
    |---|---|
    | auto | replay if the file exists, else record |
    | record | call, and write the file anew |
    | replay | never call: ReplayError if the file is missing |

    Concerns functions of kind llm and embedding, and those without a kind whose result carries token usage; sync,
    async and generators. A call is found by its function's name and its arguments, equal calls in their order;
    arguments that are no data (a client, a connection) count by their type. What a call raised is raised again. One
    that is not there raises ReplayError, and nothing is called. Results may be plain data, dataclasses and pydantic
    models, such as those of OpenAI's and Anthropic's clients; others are refused when they are recorded.

    Answers come at once; with `pauses` they take as long as they took, and inside `capture` the recording's clock
    always says so. A block that fails writes nothing. Process-wide; needs neither `init` nor a collector. The tape
    that is yielded has `unused`: what was recorded and not asked for.
    """
    file = Path(path)
    if mode not in ("auto", "record", "replay"):
        raise ValueError(f"replay(mode={mode!r}): mode is auto, record or replay")
    is_recording = mode == "record" or (mode == "auto" and not file.exists())
    tape = Tape([] if is_recording else _read(file), str(file), is_recording=is_recording, pauses=pauses)
    with intercepted(tape.instead):
        yield tape
    if is_recording:
        _write(file, tape.entries)


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
        version, calls = held["version"], held["calls"]
    except FileNotFoundError:
        raise ReplayError(f"{file} does not exist; record it with replay(..., mode='record')") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReplayError(f"{file} is no recording ({error!r}); delete it to record anew") from None
    if version != _VERSION:
        raise ReplayError(f"{file} is of version {version!r}, this is {_VERSION}; delete it to record anew")
    return calls


def _write(file: Path, calls: list[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    text = json.dumps({"version": _VERSION, "calls": calls}, indent=1, ensure_ascii=True)
    beside.write_text(text + "\n", encoding="utf-8")
    beside.replace(file)
