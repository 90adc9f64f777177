"""Captures tests/collector/beside anew: `python -m tests.collector.capture.beside`.

What `run.py` does for spans alone, for instrumentations that tell the content in log records and count in metrics.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from google.protobuf import json_format

from spanledger_collector import otlp
from tests.collector.capture.provider import Provider
from tests.collector.capture.run import HERE, OTLP, Source, environment

FIXTURES = HERE.parent / "beside"
SOURCES = (
    Source(
        "openai_v2",
        "emit_openai_v2.py",
        ("opentelemetry-instrumentation-openai-v2==2.4b0", "opentelemetry-util-genai==0.4b0", "openai==2.54.0", OTLP),
        ("older",),
    ),
    Source(
        "genai_openai",
        "emit_openai_v2.py",
        ("opentelemetry-instrumentation-genai-openai==1.3b0", "openai==3.52.0", OTLP),
        ("latest",),
    ),
)
SETTINGS = {
    "older": {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"},
    "latest": {
        "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "EVENT_ONLY",
        "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT": "true",
    },
}


def capture(source: Source, case: str, command: list[str]) -> Path:
    """Run one case and write what it sent, by signal."""
    found: dict[str, list[object]] = {name: [] for name in otlp.SIGNALS}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            signal = otlp.SIGNALS[self.path.rpartition("/")[2]]
            message = otlp.decode(body, otlp.PROTOBUF, signal)
            found[signal.name].append(json_format.MessageToDict(message))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            pass

    sink = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    provider = Provider()
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": tempfile.mkdtemp(),
        "OPENAI_API_KEY": "not-a-key",
        "OPENAI_BASE_URL": provider.url + "/v1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink.server_port}",
        "OTEL_SERVICE_NAME": "fixtures",
        **SETTINGS[case],
    }
    subprocess.run([*command, case], env=variables, cwd=variables["HOME"], check=True, timeout=180)
    provider.close()
    sink.shutdown()
    FIXTURES.mkdir(exist_ok=True)
    path = FIXTURES / f"{source.dialect}_{case}.json"
    # Ids as protobuf's own JSON writes them (base64): the test parses these with the same library.
    path.write_text(json.dumps({"capturedFrom": list(source.packages), **found}, indent=1, sort_keys=True) + "\n")
    return path


if __name__ == "__main__":
    root = Path(os.environ.get("CAPTURE_ENVIRONMENTS") or Path(tempfile.gettempdir()) / "spanledger-capture")
    for each in SOURCES:
        for one in each.cases:
            print(capture(each, one, environment(each, root)).name)
