"""Which instrumentation is chosen, when, and what happens if it fails: in processes of their own, with small packages.

The real instrumentations are put to the test by `make frameworks`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spanledger._internal.instrument.libraries import LIBRARIES, NAMES, names_of
from spanledger._internal.settings import load

BASE = """
import json, os, logging, sys
logging.basicConfig(stream=sys.stderr, format="%(message)s")
"""
INSTRUMENTOR = """
import builtins
class {name}Instrumentor:
    is_instrumented_by_opentelemetry = False
    def instrument(self, tracer_provider, **options):
        {trouble}
        said.append("{label} on")
        {name}Instrumentor.is_instrumented_by_opentelemetry = True
    def uninstrument(self):
        said.append("{label} off")
        {name}Instrumentor.is_instrumented_by_opentelemetry = False
said = builtins.__dict__.setdefault("said", [])
"""


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with a library `mistralai` that nobody instruments yet."""
    library = tmp_path / "mistralai"
    library.mkdir()
    (library / "__init__.py").write_text("import builtins\nbuiltins.__dict__.setdefault('said', []).append('library')")
    return tmp_path


def offer(packages: Path, module: str, label: str, trouble: str = "pass", *, entry: bool = True) -> None:
    """Install an instrumentation at `module`, with an entry point or without."""
    folder = packages / module.replace(".", "/")
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(INSTRUMENTOR.format(name="Mistral", label=label, trouble=trouble))
    if entry:
        info = packages / f"{label}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {label}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            f"[opentelemetry_instrumentor]\nmistralai = {module}:MistralInstrumentor\n"
        )


def run(packages: Path, code: str, **environment: str) -> tuple[Any, list[str]]:
    """Run a program that sees the packages; return what it printed as JSON, and its lines of log."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL", "SPANLEDGER"))}
    path = {"PYTHONPATH": str(packages), "SPANLEDGER_ENDPOINT": "http://127.0.0.1:9", **environment}
    done = subprocess.run(
        [sys.executable, "-c", BASE + code], env={**kept, **path}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout or "null"), done.stderr.splitlines()


BOTH = """
import spanledger
spanledger.init(instrument="auto")
early = "mistralai" in sys.modules or "openinference" in sys.modules
import mistralai
during = list(said)
spanledger.shutdown(timeout=0)
print(json.dumps([early, during, said[len(during):]]))
"""


def test_the_best_one_is_used_when_the_library_is_imported_and_taken_back(packages: Path) -> None:
    offer(packages, "openinference.instrumentation.mistralai", "openinference")
    offer(packages, "opentelemetry.instrumentation.mistralai", "openllmetry")
    (early, during, after), log = run(packages, BOTH)
    assert early is False
    assert during == ["library", "openinference on"]
    assert after == ["openinference off"]
    assert log == []


def test_one_without_an_entry_point_is_found_by_its_module(packages: Path) -> None:
    offer(packages, "opentelemetry.instrumentation.mistralai", "openllmetry", entry=False)
    (_, during, after), log = run(packages, BOTH)
    assert (during, after, log) == (["library", "openllmetry on"], ["openllmetry off"], [])


@pytest.mark.parametrize("trouble", ["raise ValueError('no such version')", "return"])
def test_one_that_fails_is_named_once_and_the_next_is_used(packages: Path, trouble: str) -> None:
    offer(packages, "openinference.instrumentation.mistralai", "openinference", trouble)
    offer(packages, "opentelemetry.instrumentation.mistralai", "openllmetry")
    (_, during, _), log = run(packages, BOTH)
    assert "openllmetry on" in during
    assert len(log) == 1
    assert log[0].startswith("mistral is observed by opentelemetry.instrumentation.mistralai, since openinference.")


def test_where_all_fail_the_program_goes_on(packages: Path) -> None:
    offer(packages, "openinference.instrumentation.mistralai", "openinference", "raise SystemError('x')")
    (_, during, after), log = run(packages, BOTH)
    assert during[0] == "library"
    assert "openinference on" not in during + after
    assert len(log) == 1
    assert "mistral is not observed" in log[0]


def test_what_the_program_instrumented_itself_is_left_to_it(packages: Path) -> None:
    offer(packages, "openinference.instrumentation.mistralai", "openinference")
    code = """
import mistralai, spanledger
from openinference.instrumentation.mistralai import MistralInstrumentor
MistralInstrumentor().instrument(None)
spanledger.init(instrument=["mistral"])
spanledger.shutdown(timeout=0)
print(json.dumps(said))
"""
    assert run(packages, code) == (["library", "openinference on"], [])


def test_a_lesser_one_that_the_program_uses_itself_is_not_doubled(packages: Path) -> None:
    offer(packages, "openinference.instrumentation.mistralai", "openinference")
    offer(packages, "opentelemetry.instrumentation.mistralai", "openllmetry")
    code = """
import mistralai, spanledger
from opentelemetry.instrumentation.mistralai import MistralInstrumentor
MistralInstrumentor().instrument(None)
spanledger.init(instrument=["mistral"])
spanledger.shutdown(timeout=0)
print(json.dumps(said))
"""
    assert run(packages, code) == (["library", "openllmetry on"], [])


def test_nothing_is_instrumented_unless_asked_for(packages: Path) -> None:
    offer(packages, "openinference.instrumentation.mistralai", "openinference")
    for arguments, environment in (("", {}), ("instrument='openai'", {}), ("'off'", {"SPANLEDGER_INSTRUMENT": "off"})):
        call = arguments if "=" in arguments or not arguments else f"instrument={arguments}"
        code = f"import spanledger\nspanledger.init({call})\nimport mistralai\nprint(json.dumps(said))"
        assert run(packages, code, **environment)[0] == ["library"]
    environment = {"SPANLEDGER_INSTRUMENT": "openai, mistral"}
    said, _ = run(
        packages, "import spanledger\nspanledger.init()\nimport mistralai\nprint(json.dumps(said))", **environment
    )
    assert said[:2] == ["library", "openinference on"]


VARIABLES = """
import spanledger
before = dict(os.environ)
spanledger.init(instrument="auto", capture_content={capture!r})
during = dict(os.environ)
spanledger.shutdown(timeout=0)
names = sorted(name for name in during if during.get(name) != before.get(name))
print(json.dumps([{{name: during[name] for name in names}}, dict(os.environ) == before]))
"""


def test_instrumentations_are_told_what_may_be_recorded(packages: Path) -> None:
    content = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    opt_in = "OTEL_SEMCONV_STABILITY_OPT_IN"
    (shown, restored), _ = run(packages, VARIABLES.format(capture="on"), **{opt_in: "http"})
    assert shown == {content: "SPAN_ONLY", opt_in: "http,gen_ai_latest_experimental"}
    assert restored
    (hidden, restored), _ = run(packages, VARIABLES.format(capture="off"), OPENINFERENCE_HIDE_INPUTS="false")
    assert hidden[content] == "NO_CONTENT"
    assert hidden["OPENINFERENCE_HIDE_INPUTS"] == "true"
    assert hidden["TRACELOOP_TRACE_CONTENT"] == "false"
    assert restored


def test_an_imported_module_keeps_its_loader_and_its_errors(packages: Path) -> None:
    (packages / "cohere.py").write_text("raise RuntimeError('broken library')")
    (packages / "litellm").mkdir()
    (packages / "litellm" / "__init__.py").write_text("")
    (packages / "litellm" / "prices.txt").write_text("dear")
    code = """
import spanledger, importlib.resources
spanledger.init(instrument="auto")
import litellm
try:
    import cohere
except RuntimeError as error:
    problem = str(error)
loader = type(litellm.__loader__).__name__, "exec_module" in vars(litellm.__loader__)
text = importlib.resources.files(litellm).joinpath("prices.txt").read_text()
print(json.dumps([loader, text, problem, "cohere" in sys.modules]))
"""
    assert run(packages, code) == ([["SourceFileLoader", False], "dear", "broken library", False], [])


def test_a_package_of_the_same_name_is_not_taken_for_the_library(packages: Path) -> None:
    offer(packages, "openinference.instrumentation.openai_agents", "openinference")
    (packages / "agents.py").write_text("")
    code = """
import spanledger
spanledger.init(instrument="auto")
import agents
print(json.dumps("said" in dir(__builtins__)))
"""
    assert run(packages, code) == (False, [])


def test_names() -> None:
    assert names_of("auto") == (NAMES, ())
    assert names_of(True) == (NAMES, ())
    assert names_of(" OFF ") == names_of(False) == names_of("") == names_of([]) == ((), ())
    assert names_of("Pydantic_AI, openai,nope") == (("openai", "pydantic-ai"), ("nope",))
    assert names_of("auto, own") == ((*NAMES, "own"), ())
    assert names_of("openai,off") == (("openai",), ("off",))
    assert names_of(["mcp"]) == (("mcp",), ())
    settings, problems = load(env={"SPANLEDGER_INSTRUMENT": "openai,langchian"})
    assert settings.instrument == ("openai",)
    assert len(problems) == 1
    assert "'langchian' is none of auto, off, own, openai" in problems[0]


def test_the_table_is_in_order() -> None:
    assert len(set(NAMES)) == len(NAMES) == 15
    modules = [module for library in LIBRARIES for module in library.instrumentations]
    assert len(set(modules)) == len(modules)
    assert {library.name for library in LIBRARIES if library.is_ours} == {"openai", "anthropic"}
