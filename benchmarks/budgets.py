"""How fast SDKs are told the state of budgets, beside /healthz of the same process in the same run.

    python benchmarks/budgets.py [--budgets 100] [--customers 1000] [--requests 3000] [--clients 1] [--json FILE]

Starts `spanledger up` on an empty directory, sends one priced call of each customer, sets budgets of single customers
and one that each customer has, and then asks in turn, over kept connections: /healthz, the state with ETag and without,
of one customer and of all. While that goes on, spans are sent at a steady pace, so that the state changes and the store
is at work. Prints p50, p95, p99 and max in milliseconds.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

STATE = "/api/v1/budgets/state"
LIMIT_MS = 5.0


def request(customers: list[str]) -> bytes:
    """One call of gpt-4o for each customer, as OTLP."""
    message = ExportTraceServiceRequest()
    spans = message.resource_spans.add().scope_spans.add().spans
    now = time.time_ns()
    for customer in customers:
        span = spans.add(trace_id=random.randbytes(16), span_id=random.randbytes(8), name="chat gpt-4o")
        span.start_time_unix_nano, span.end_time_unix_nano = now, now + 1_000_000
        texts = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
                 "spanledger.customer.id": customer}  # fmt: skip
        for key, value in texts.items():
            span.attributes.add(key=key).value.string_value = value
        span.attributes.add(key="gen_ai.usage.input_tokens").value.int_value = 1000
    return message.SerializeToString()


class Client:
    """A kept connection, as an SDK has one."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=30)
        self._headers = {"authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, bytes]:
        """(status, ETag, body)."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, body, self._headers | named)
        answer = self._connection.getresponse()
        return answer.status, answer.headers.get("etag", ""), answer.read()


def summary(runs: list[float]) -> dict[str, float]:
    """Milliseconds."""
    ordered = sorted(runs)
    at = lambda share: ordered[min(len(ordered) - 1, int(len(ordered) * share))]  # noqa: E731
    found = {"p50": statistics.median(ordered), "p95": at(0.95), "p99": at(0.99), "max": ordered[-1]}
    return {name: round(value, 2) for name, value in found.items()} | {"requests": len(ordered)}


def measure(url: str, token: str, requests: int, clients: int, customers: list[str]) -> dict[str, dict[str, float]]:
    """Each kind of question in turn, by so many clients at once."""
    kinds = ("/healthz", "state of one customer", "state, unchanged (304 where it is)", "state of everybody")
    runs: dict[str, list[float]] = {kind: [] for kind in kinds}

    def work(seed: int) -> None:
        client, dice = Client(url, token), random.Random(seed)
        tag, one = "", dice.choice(customers)
        asks: list[Callable[[], tuple[int, str, bytes]]] = [
            lambda: client.ask("GET", "/healthz"),
            lambda: client.ask("GET", f"{STATE}?customer={dice.choice(customers)}"),
            lambda: client.ask("GET", f"{STATE}?customer={one}", if_none_match=tag),
            lambda: client.ask("GET", STATE),
        ]
        for _ in range(requests // clients):
            for kind, ask in zip(kinds, asks, strict=True):
                started = time.perf_counter()
                status, found, _ = ask()
                runs[kind].append((time.perf_counter() - started) * 1000)
                assert status in (200, 304), status
                if kind == kinds[2]:
                    tag = found

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {kind: summary(each) for kind, each in runs.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budgets", type=int, default=100)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=3000, help="of each kind")
    parser.add_argument("--clients", type=int, default=1, help="at once; they share this process")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    customers = [f"customer-{n}" for n in range(options.customers)]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SPANLEDGER_")}
        command = [sys.executable, "-m", "spanledger_cli", "up", "--port", "0", "--data", str(data)]
        up = subprocess.Popen(
            command, env=environment | {"SPANLEDGER_GRPC_PORT": "0"}, stdout=subprocess.DEVNULL, start_new_session=True
        )
        try:
            while not (data / "up.json").exists():
                assert up.poll() is None, "up ended"
                time.sleep(0.1)
            held = json.loads((data / "up.json").read_text())
            found = run(held["url"], held["token"], options, customers)
        finally:
            up.send_signal(signal.SIGTERM)
            up.wait()
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{'':36}{'p50':>8}{'p95':>8}{'p99':>8}{'max':>8}  ms")
    for kind, each in found.items():
        late = "" if each["p99"] < LIMIT_MS or kind == "/healthz" else f"  p99 over {LIMIT_MS:.0f} ms"
        print(f"{kind:36}{each['p50']:8.2f}{each['p95']:8.2f}{each['p99']:8.2f}{each['max']:8.2f}{late}")


def run(url: str, token: str, options: Any, customers: list[str]) -> dict[str, dict[str, float]]:
    """Fill, then measure while spans arrive."""
    client = Client(url, token)
    protobuf = {"content_type": "application/x-protobuf"}
    assert client.ask("POST", "/v1/traces", request(customers), **protobuf)[0] == 200
    for n in range(options.budgets):
        body = {"amount": "100", "period": "month", "slice": {"customer": customers[n % len(customers)]}}
        put(client, f"b{n}", body)
    put(client, "each", {"amount": "100", "period": "month", "per": "customer"})
    while len(json.loads(client.ask("GET", STATE)[2]).get("budgets", ())) <= options.budgets:
        time.sleep(0.1)
    stop = threading.Event()

    def send() -> None:
        sender = Client(url, token)
        while not stop.wait(0.1):
            sender.ask("POST", "/v1/traces", request(random.sample(customers, min(20, len(customers)))), **protobuf)

    sending = threading.Thread(target=send)
    sending.start()
    try:
        return measure(url, token, options.requests, options.clients, customers)
    finally:
        stop.set()
        sending.join()


def put(client: Client, name: str, body: dict[str, Any]) -> None:
    """Set one budget."""
    status, _, answer = client.ask(
        "PUT", f"/api/v1/budgets/{name}", json.dumps(body).encode(), content_type="application/json"
    )
    assert status == 200, answer


if __name__ == "__main__":
    main()
