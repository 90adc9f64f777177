import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from spanledger._internal.settings import Settings, load

ROOT = Path(__file__).parents[2]
SOURCE = "".join(
    (ROOT / "sdk/spanledger/_internal" / name).read_text()
    for name in ("settings.py", "sampling/settings.py", "context/baggage.py")
)
GUIDE = (ROOT / "docs/team.md").read_text()


def settings(env: dict[str, str] | None = None, **arguments: Any) -> Settings:
    found, problems = load(env=env or {}, **arguments)
    assert problems == []
    return found


@pytest.mark.parametrize(
    ("env", "endpoint"),
    [
        ({}, "http://127.0.0.1:8787/v1/traces"),
        ({"SPANLEDGER_ENDPOINT": "https://c.example/"}, "https://c.example/v1/traces"),
        ({"SPANLEDGER_ENDPOINT": "https://c.example/v1/traces"}, "https://c.example/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://o:4318"}, "http://o:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://o:4318/mine"}, "http://o:4318/mine"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://o", "SPANLEDGER_ENDPOINT": "http://s"}, "http://s/v1/traces"),
    ],
)
def test_endpoint(env: dict[str, str], endpoint: str) -> None:
    assert settings(env).endpoint == endpoint
    assert settings(env, endpoint="http://arg:1").endpoint == "http://arg:1/v1/traces"


def test_the_headers_of_another_endpoint_are_not_sent_to_ours() -> None:
    otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://o", "OTEL_EXPORTER_OTLP_HEADERS": "X-Tenant=a%20b,bad"}
    assert settings(otel).headers == {"x-tenant": "a b"}
    assert settings({**otel, "SPANLEDGER_ENDPOINT": "http://s"}).headers == {}
    assert settings({"SPANLEDGER_API_KEY": "k"}).headers == {"authorization": "Bearer k"}


def test_the_key_is_not_shown() -> None:
    assert "secret" not in repr(settings(api_key="secret"))


STANDARD = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


@pytest.mark.parametrize(
    ("env", "given", "mode"),
    [
        ({}, None, "on"),
        ({"SPANLEDGER_CAPTURE_CONTENT": "OFF"}, None, "off"),
        ({"SPANLEDGER_CAPTURE_CONTENT": "off"}, "embedding", "embedding"),
        ({"SPANLEDGER_CAPTURE_CONTENT": "off", STANDARD: "SPAN_ONLY"}, None, "on"),
        ({"SPANLEDGER_CAPTURE_CONTENT": "on", STANDARD: "NO_CONTENT"}, None, "off"),
        ({STANDARD: "NO_CONTENT"}, "on", "off"),
        ({STANDARD: "SPAN_AND_EVENT"}, "off", "off"),
        ({STANDARD: "EVENT_ONLY"}, None, "off"),
        ({}, False, "off"),
        ({}, True, "on"),
    ],
)
def test_capture(env: dict[str, str], given: Any, mode: str) -> None:
    assert settings(env, capture_content=given).capture == mode


@pytest.mark.parametrize(
    ("env", "field", "value"),
    [
        ({"SPANLEDGER_ENDPOINT": "localhost:8787"}, "endpoint", "http://127.0.0.1:8787/v1/traces"),
        ({"SPANLEDGER_ENDPOINT": "http://h:port"}, "endpoint", "http://127.0.0.1:8787/v1/traces"),
        ({"SPANLEDGER_ENABLED": "perhaps"}, "enabled", True),
        ({"SPANLEDGER_CAPTURE_CONTENT": "nope"}, "capture", "off"),
        ({STANDARD: "nope"}, "capture", "off"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "-1"}, "max_queue_size", 8192),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"}, "timeout", 10.0),
    ],
)
def test_an_unusable_value_is_named_and_replaced(env: dict[str, str], field: str, value: object) -> None:
    found, (problem,) = load(env=env)
    ((name, text),) = env.items()
    assert name in problem
    assert text in problem.lower() or text in problem
    assert getattr(found, field) == value


def test_numbers() -> None:
    env = {
        "OTEL_BSP_MAX_QUEUE_SIZE": "100",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "500",
        "OTEL_BSP_SCHEDULE_DELAY": "250",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2.5",
        "SPANLEDGER_MAX_CONTENT_CHARS": "7",
        "SPANLEDGER_MAX_QUEUE_BYTES": "8",
    }
    found = settings(env)
    assert (found.max_queue_size, found.max_batch_size, found.schedule_delay) == (100, 100, 0.25)
    assert (found.timeout, found.max_content_chars, found.max_queue_bytes) == (2.5, 7, 8)


def test_every_setting_is_in_the_guide_and_no_other() -> None:
    read = set(re.findall(r'"((?:SPANLEDGER|OTEL)_[A-Z_]+)"', SOURCE))
    documented = set(re.findall(r"`((?:SPANLEDGER|OTEL)_[A-Z_]+)`", GUIDE))
    # Read by OpenTelemetry itself when the SDK installs a provider.
    theirs = {"OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_SAMPLER"}
    assert documented == read | theirs
    assert {f"`{field.name}`" for field in fields(Settings)} >= set()
    assert "SPANLEDGER_CAPTURE_CONTENT=off" in "\n".join(GUIDE.splitlines()[:40])
