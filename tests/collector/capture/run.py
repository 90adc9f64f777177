"""Captures the fixtures of tests/collector/dialects anew: `python -m tests.collector.capture.run [DIALECT ...]`.

Each dialect's packages are installed into an environment of their own under the temporary folder, its emitter
(`emit_*.py`, `emit_vercel.mjs`) makes real calls to `provider.py`, and what it exports to `sink.py` is written down.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.collector.capture.provider import Provider
from tests.collector.capture.sink import Sink, frozen

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "dialects"
OTLP = "opentelemetry-exporter-otlp-proto-http==1.45.2"
OPENAI = "openai==3.52.0"
JS = ("@opentelemetry/api@1.9.1", "@opentelemetry/exporter-trace-otlp-proto@0.223.1", "@opentelemetry/sdk-trace-node@2.12.0")  # noqa: E501  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """One environment and the cases it emits."""

    dialect: str
    emitter: str
    packages: tuple[str, ...]
    cases: tuple[str, ...]
    environment: str = ""


SOURCES = (
    Source(
        "openinference",
        "emit_openinference.py",
        ("openinference-instrumentation-openai==0.1.66", "openinference-instrumentation-langchain==0.1.80",
         "langchain-openai==1.7.3", "langchain-core==1.7.2", OPENAI, OTLP),
        ("chat", "stream", "tools", "embeddings", "responses", "langchain", "langchain_and_openai", "helpers"),
    ),
    Source(
        "openinference",
        "emit_anthropic.py",
        ("openinference-instrumentation-anthropic==3.1.0", "anthropic==2.11.0", OTLP),
        ("anthropic",),
        "openinference_anthropic",
    ),
    Source("openllmetry", "emit_openllmetry.py", ("traceloop-sdk==0.62.4", "openai==2.54.0"),
           ("chat", "stream", "tools", "embeddings")),
    Source(
        "openllmetry",
        "emit_openllmetry.py",
        ("traceloop-sdk==0.62.4", "anthropic==0.125.0"),
        ("anthropic",),
        "openllmetry_anthropic",
    ),
    Source(
        "duplicates",
        "emit_duplicates.py",
        ("openinference-instrumentation-openai==0.1.66", "opentelemetry-instrumentation-openai==0.62.4",
         "openai==2.54.0", OTLP),
        ("chat", "stream"),
    ),
    Source("openlit", "emit_openlit.py", ("openlit==1.45.0", "openai==2.54.0"),
           ("chat", "stream", "tools", "embeddings", "anthropic")),
    Source("langfuse", "emit_langfuse.py", ("langfuse==5.0.4", OPENAI), ("chat", "stream", "observed", "embeddings")),
    Source("pydantic_ai", "emit_pydantic_ai.py",
           ("pydantic-ai-slim[openai]==2.68.0", "logfire==5.2.0", OPENAI, OTLP), ("agent", "older", "logfire_openai")),
    Source("mlflow", "emit_mlflow.py", ("mlflow-tracing==3.17.2", OPENAI, OTLP), ("chat", "stream", "traced")),
    Source("opik", "emit_opik.py", ("opik==2.2.122", OTLP), ("processor",)),
    Source("langsmith", "emit_langsmith.py", ("langsmith[otel]==0.14.17", OPENAI), ("chat", "traced")),
    Source("agent_framework", "emit_agent_framework.py",
           ("agent-framework-core==1.23.0", "agent-framework-openai==1.17.0", OPENAI, OTLP), ("agent",)),
    Source("vercel", "emit_vercel.mjs", ("ai@4.3.19", "@ai-sdk/openai-compatible@0.2.16", "zod@3.25.76", *JS),
           ("v4_text", "v4_stream"), "vercel4"),
    Source("vercel", "emit_vercel.mjs", ("ai@5.0.277", "@ai-sdk/openai-compatible@1.0.61", "zod@4.6.7", *JS),
           ("v5_text", "v5_stream", "v5_embed", "v5_tools"), "vercel5"),
    Source("vercel", "emit_vercel.mjs", ("ai@6.0.326", "@ai-sdk/openai-compatible@2.0.87", "zod@4.6.7", *JS),
           ("v6_text", "v6_stream", "v6_tools"), "vercel6"),
)  # fmt: skip


def environment(source: Source, root: Path) -> list[str]:
    """The command that runs the source's emitter; its packages are installed on first use."""
    home = root / (source.environment or source.dialect)
    ready = home / "ready"
    if source.emitter.endswith(".mjs"):
        if not ready.exists():
            home.mkdir(parents=True, exist_ok=True)
            (home / "package.json").write_text('{"type": "module", "private": true}')
            subprocess.run(["npm", "install", "--no-audit", "--no-fund", *source.packages], cwd=home, check=True)
            ready.touch()
        # Node resolves packages from where the script lies.
        script = home / source.emitter
        script.write_text((HERE / source.emitter).read_text())
        return ["node", str(script)]
    python = home / "bin" / "python"
    if not ready.exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, home], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *source.packages], check=True)
        ready.touch()
    return [str(python), str(HERE / source.emitter)]


def capture(source: Source, case: str, command: list[str]) -> Path:
    """Run one case and write its fixture."""
    provider, sink = Provider(), Sink()
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": tempfile.mkdtemp(),
        "OPENAI_API_KEY": "not-a-key",
        "ANTHROPIC_API_KEY": "not-a-key",
        "OPENAI_BASE_URL": provider.url + "/v1",
        "ANTHROPIC_BASE_URL": provider.url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": sink.url + "/v1/traces",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": "fixtures",
        "SINK_URL": sink.url,
    }
    # Elsewhere than in the repository, whose revision some packages would send along.
    subprocess.run([*command, case], env=settings, cwd=settings["HOME"], check=True, timeout=180)
    provider.close()
    found = sink.close()
    if not found.resource_spans:
        raise SystemExit(f"{source.dialect} {case}: nothing was exported")
    path = FIXTURES / source.dialect / f"{case}.otlp.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"capturedFrom": list(source.packages), "resourceSpans": frozen(found)}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return path


def main(wanted: list[str]) -> None:
    root = Path(os.environ.get("CAPTURE_ENVIRONMENTS") or Path(tempfile.gettempdir()) / "spanledger-capture")
    for source in SOURCES:
        for case in source.cases:
            if wanted and not {source.dialect, f"{source.dialect}/{case}"} & set(wanted):
                continue
            path = capture(source, case, environment(source, root))
            print(path.relative_to(FIXTURES), path.stat().st_size, "bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
