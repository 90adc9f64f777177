"""Settings of the SDK: arguments of `init` first, then the environment, then defaults."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from spanledger._internal.budgets.policy import BudgetMode, budgets_of
from spanledger._internal.context.baggage import baggage_of
from spanledger._internal.instrument import libraries
from spanledger._internal.masking.names import MaskChoice, Masking, chosen
from spanledger._internal.sampling.settings import Sampling, sampling_of

CaptureMode = Literal["on", "off", "embedding"]

DEFAULT_ENDPOINT = "http://127.0.0.1:8787"
TRACES_PATH = "/v1/traces"
_MAX_QUEUE = 8192
_MAX_BATCH = 512


@dataclass(frozen=True, slots=True)
class Settings:
    """What `init` decided, once; nothing reads the environment later.

    | field | environment | default |
    |---|---|---|
    | endpoint | SPANLEDGER_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT | local |
    | api_key | SPANLEDGER_API_KEY | none |
    | capture | SPANLEDGER_CAPTURE_CONTENT, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT | on |
    | enabled | SPANLEDGER_ENABLED, OTEL_SDK_DISABLED | true |
    | instrument | SPANLEDGER_INSTRUMENT | off |
    | mask | SPANLEDGER_MASK | off |
    | mask_key | SPANLEDGER_MASK_KEY | none |
    | mask_ids | SPANLEDGER_MASK_IDS | false |
    | embedder | SPANLEDGER_EMBEDDER | none |
    | embedder_key | SPANLEDGER_EMBEDDER_KEY; OPENAI_API_KEY for OpenAI itself | none |
    | sampling | SPANLEDGER_SAMPLE_RATE and others, see `Sampling` | everything is sent |
    | baggage | SPANLEDGER_BAGGAGE | none |
    | budgets | SPANLEDGER_BUDGETS | off |
    | max_content_chars | SPANLEDGER_MAX_CONTENT_CHARS | 65536 |
    | max_queue_bytes | SPANLEDGER_MAX_QUEUE_BYTES | 64 MiB |
    | buffer_dir | SPANLEDGER_BUFFER_DIR | none: what cannot be delivered waits in memory |
    | buffer_max_bytes | SPANLEDGER_BUFFER_MAX_BYTES | 256 MiB |
    | max_queue_size | OTEL_BSP_MAX_QUEUE_SIZE | 8192 |
    | max_batch_size | OTEL_BSP_MAX_EXPORT_BATCH_SIZE | 512 |
    | schedule_delay | OTEL_BSP_SCHEDULE_DELAY (milliseconds) | 1 s |
    | timeout | OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, OTEL_EXPORTER_OTLP_TIMEOUT (seconds) | 10 s |
    """

    endpoint: str = DEFAULT_ENDPOINT + TRACES_PATH
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    service_name: str | None = None
    environment: str | None = None
    release: str | None = None
    capture: CaptureMode = "on"
    enabled: bool = True
    instrument: tuple[str, ...] = ()  # names of libraries
    mask: Masking = field(default_factory=Masking)
    mask_key: str | None = field(default=None, repr=False)
    mask_ids: bool = False
    embedder: str | None = None
    embedder_key: str | None = field(default=None, repr=False)
    sampling: Sampling = field(default_factory=Sampling)
    baggage: tuple[str, ...] = ()  # names of what crosses to and from other services
    budgets: BudgetMode = "off"
    max_content_chars: int = 65_536
    max_queue_bytes: int = 64 * 1024 * 1024
    buffer_dir: Path | None = None
    buffer_max_bytes: int = 256 * 1024 * 1024
    max_queue_size: int = _MAX_QUEUE
    max_batch_size: int = _MAX_BATCH
    schedule_delay: float = 1.0
    timeout: float = 10.0


def load(
    *,
    endpoint: str | None = None,
    api_key: str | None = None,
    service_name: str | None = None,
    environment: str | None = None,
    release: str | None = None,
    capture_content: CaptureMode | bool | None = None,
    buffer_dir: str | os.PathLike[str] | None = None,
    instrument: str | bool | Iterable[str] | None = None,
    mask: MaskChoice | None = None,
    embedder: str | None = None,
    sample_rate: float | None = None,
    baggage: Iterable[str] | None = None,
    budgets: BudgetMode | bool | None = None,
    env: Mapping[str, str] | None = None,
) -> tuple[Settings, list[str]]:
    """Return the settings and one sentence per value that could not be used (its default is used instead)."""
    source = os.environ if env is None else env
    problems: list[str] = []
    url, headers = _endpoint(endpoint, source, problems)
    key = api_key or source.get("SPANLEDGER_API_KEY", "").strip()
    if key:
        headers["authorization"] = f"Bearer {key}"
    spec = embedder or source.get("SPANLEDGER_EMBEDDER", "").strip() or None
    queue_size = _whole("OTEL_BSP_MAX_QUEUE_SIZE", _MAX_QUEUE, source, problems)
    settings = Settings(
        endpoint=url,
        headers=headers,
        service_name=service_name,
        environment=environment,
        release=release,
        capture=_capture(capture_content, source, problems),
        enabled=_flag("SPANLEDGER_ENABLED", True, source, problems)
        and not _flag("OTEL_SDK_DISABLED", False, source, problems),
        instrument=_instrument(instrument, source, problems),
        mask=_mask(mask, source, problems),
        mask_key=source.get("SPANLEDGER_MASK_KEY", "").strip() or None,
        mask_ids=_flag("SPANLEDGER_MASK_IDS", False, source, problems),
        embedder=spec,
        embedder_key=_embedder_key(spec, source),
        sampling=sampling_of(sample_rate, source, problems),
        baggage=baggage_of(baggage, source, problems),
        budgets=budgets_of(budgets, source.get("SPANLEDGER_BUDGETS", ""), problems),
        max_content_chars=_whole("SPANLEDGER_MAX_CONTENT_CHARS", 65_536, source, problems),
        max_queue_bytes=_whole("SPANLEDGER_MAX_QUEUE_BYTES", 64 * 1024 * 1024, source, problems),
        buffer_dir=_directory("SPANLEDGER_BUFFER_DIR", buffer_dir, source, problems),
        buffer_max_bytes=_whole("SPANLEDGER_BUFFER_MAX_BYTES", 256 * 1024 * 1024, source, problems),
        max_queue_size=queue_size,
        max_batch_size=min(queue_size, _whole("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", _MAX_BATCH, source, problems)),
        schedule_delay=_whole("OTEL_BSP_SCHEDULE_DELAY", 1000, source, problems) / 1000,
        timeout=_seconds(source, problems),
    )
    return settings, problems


def _endpoint(given: str | None, env: Mapping[str, str], problems: list[str]) -> tuple[str, dict[str, str]]:
    headers: dict[str, str] = {}
    named = [("endpoint", given or ""), ("SPANLEDGER_ENDPOINT", env.get("SPANLEDGER_ENDPOINT", ""))]
    otel = [(name, env.get(name, "")) for name in ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")]
    for name, value in named + otel:
        value = value.strip()
        if not value:
            continue
        if not _is_url(value):
            problems.append(
                f"{name}={value!r} is not a URL; {DEFAULT_ENDPOINT} is used. "
                "Write it like http://collector.example:8787"
            )
            break
        if name.startswith("OTEL_"):
            headers = _headers(env)
        if name == "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" or value.endswith(TRACES_PATH):
            return value, headers
        return value.rstrip("/") + TRACES_PATH, headers
    return DEFAULT_ENDPOINT + TRACES_PATH, headers


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is not a number
        return False


def _headers(env: Mapping[str, str]) -> dict[str, str]:
    text = env.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or env.get("OTEL_EXPORTER_OTLP_HEADERS") or ""
    pairs = (pair.partition("=") for pair in text.split(","))
    return {unquote(k).strip().lower(): unquote(v).strip() for k, eq, v in pairs if eq and k.strip()}


def _capture(given: CaptureMode | bool | None, env: Mapping[str, str], problems: list[str]) -> CaptureMode:
    mode: CaptureMode = "on"
    for name, value in (
        ("capture_content", given),
        ("SPANLEDGER_CAPTURE_CONTENT", env.get("SPANLEDGER_CAPTURE_CONTENT")),
    ):
        if value is None or value == "":
            continue
        known = _CAPTURE_WORDS.get(str(value).strip().lower())
        if known is None:
            # What was meant is unknown, and content once sent cannot be called back.
            problems.append(f"{name}={value!r} is not on, off or embedding; content is not captured")
            known = "off"
        mode = known
        break
    standard = env.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "").strip().lower()
    if standard:
        known = _STANDARD_WORDS.get(standard)
        if known is None:
            problems.append(
                f"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT={standard!r} is not one of NO_CONTENT, "
                "SPAN_ONLY, EVENT_ONLY, SPAN_AND_EVENT; content is not captured"
            )
            known = "off"
        # It wins, except that no variable turns on what the program itself turned off.
        if given is None or known == "off":
            mode = known
    return mode


def _instrument(
    given: str | bool | Iterable[str] | None, env: Mapping[str, str], problems: list[str]
) -> tuple[str, ...]:
    name, value = ("SPANLEDGER_INSTRUMENT", env.get("SPANLEDGER_INSTRUMENT", "off"))
    if given is not None:
        name, value = "instrument", given
    names, unknown = libraries.names_of(value)
    if unknown:
        problems.append(
            f"{name}: {', '.join(map(repr, unknown))} is none of auto, off, own, {', '.join(libraries.NAMES)}; "
            "it is left out"
        )
    return names


def _mask(given: MaskChoice | None, env: Mapping[str, str], problems: list[str]) -> Masking:
    if given is not None:
        return chosen("mask", given, problems)
    return chosen("SPANLEDGER_MASK", env.get("SPANLEDGER_MASK", ""), problems)


def _embedder_key(spec: str | None, env: Mapping[str, str]) -> str | None:
    # OpenAI's own key is sent to OpenAI alone.
    theirs = env.get("OPENAI_API_KEY", "") if spec is not None and spec.startswith("openai:") else ""
    return env.get("SPANLEDGER_EMBEDDER_KEY", "").strip() or theirs.strip() or None


_CAPTURE_WORDS: dict[str, CaptureMode] = {
    "on": "on",
    "true": "on",
    "1": "on",
    "yes": "on",
    "off": "off",
    "false": "off",
    "0": "off",
    "no": "off",
    "embedding": "embedding",
}
_STANDARD_WORDS: dict[str, CaptureMode] = {
    "no_content": "off",
    "span_only": "on",
    "event_only": "off",  # the SDK writes content on spans only
    "span_and_event": "on",
    "true": "on",
    "false": "off",
}
_FLAGS = {"true": True, "1": True, "on": True, "yes": True, "false": False, "0": False, "off": False, "no": False}


def _flag(name: str, default: bool, env: Mapping[str, str], problems: list[str]) -> bool:
    text = env.get(name, "").strip().lower()
    if not text:
        return default
    if text not in _FLAGS:
        problems.append(f"{name}={text!r} is neither true nor false; {str(default).lower()} is used")
        return default
    return _FLAGS[text]


def _whole(name: str, default: int, env: Mapping[str, str], problems: list[str]) -> int:
    text = env.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or int(text) == 0:
        problems.append(f"{name}={text!r} is not a positive whole number; {default} is used")
        return default
    return int(text)


def _directory(
    name: str, given: str | os.PathLike[str] | None, env: Mapping[str, str], problems: list[str]
) -> Path | None:
    text = os.fspath(given) if given is not None else env.get(name, "").strip()
    if not text:
        return None
    try:
        # Absolute now: a daemon changes its directory later.
        return Path(text).expanduser().absolute()
    except (RuntimeError, OSError) as error:  # a home that is not known
        problems.append(f"{name}={text!r} is no directory: {error}; spans that cannot be delivered wait in memory")
        return None


def _seconds(env: Mapping[str, str], problems: list[str]) -> float:
    for name in ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"):
        text = env.get(name, "").strip()
        if not text:
            continue
        try:
            seconds = float(text)
        except ValueError:
            seconds = 0.0
        if 0 < seconds < 3600:
            return seconds
        problems.append(f"{name}={text!r} is not a number of seconds above 0; 10 is used")
        break
    return 10.0
