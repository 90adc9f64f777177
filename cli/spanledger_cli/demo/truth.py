"""`demo_truth.json`: what is true about a demo's data, for detectors to be measured against."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from spanledger_cli.demo import volume
from spanledger_cli.demo.company import FEATURES, MODELS, SERVICE
from spanledger_cli.demo.embedder import DIMENSIONS, MODEL
from spanledger_cli.demo.events import Event, Story
from spanledger_cli.demo.play import Totals

FILE: Final = "demo_truth.json"
SCHEMA: Final = 1
SLICE: Final = ("customer", "feature", "provider", "model", "prompt_version", "release")


def describe(story: Story, totals: Totals | None, sessions: int = 0) -> dict[str, Any]:
    """The truth about a story; `totals` None says that its traffic is not (all) sent yet."""
    counts = None if totals is None else {**asdict(totals), "sessions": sessions}
    return {
        "schema": SCHEMA,
        "company": SERVICE,
        "service": SERVICE,
        "seed": story.seed,
        "start": volume.iso(story.start_ns),
        "end": volume.iso(story.end_ns),
        "days": story.hours // 24,
        "spans": story.spans,
        "totals": counts,
        "customers": [customer.name for customer in story.customers],
        "features": [{"name": feature.name, "team": feature.team} for feature in FEATURES],
        "unpriced_models": [name for name, model in MODELS.items() if model.provider == "self_hosted"],
        "embedding": {"model": MODEL, "dimensions": DIMENSIONS},
        "events": [_event(event, number) for number, event in enumerate(story.events, 1)],
        "releases": [_version(v.feature, v.customer, v.name, v.start_ns, story) for v in story.releases],
        "prompt_versions": [_version(v.feature, v.customer, v.name, v.start_ns, story) for v in story.prompts],
    }


def _event(event: Event, number: int) -> dict[str, Any]:
    return {
        "id": f"{number}-{event.type.replace('_', '-')}",
        "type": event.type,
        "is_incident": event.is_incident,
        "start": volume.iso(event.start_ns),
        "end": volume.iso(event.end_ns),
        "slice": {name: event.where.get(name) for name in SLICE},
        "effects": dict(event.effects),
        "details": dict(event.details),
        "sentence": event.sentence,
    }


def _version(feature: str, customer: str | None, name: str, start_ns: int, story: Story) -> dict[str, Any]:
    start = max(start_ns, story.start_ns)
    return {"feature": feature, "customer": customer, "name": name, "from": volume.iso(start)}


def write(directory: Path, content: dict[str, Any]) -> Path:
    """Write the truth beside the data, whole or not at all."""
    path = directory / FILE
    directory.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)
    return path


def read(directory: Path) -> dict[str, Any] | None:
    """The truth of the demo in a directory, or None if there is none."""
    path = directory / FILE
    if not path.exists():
        return None
    return json.loads(path.read_text("utf-8"))


def end_of(content: dict[str, Any]) -> datetime:
    """The moment a demo's window ends."""
    return datetime.fromisoformat(content["end"])
