"""How a project's calls are embedded, and how far that has come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from spanledger_store import embedding
from spanledger_store.control import Control, embeddings, projects
from spanledger_store.engine import Engine


def report(engine: Engine, control: Control, project: str, now: datetime | None = None) -> dict[str, Any]:
    """The project's settings, the models of its vectors since its first day that is embedded, and calls without any.

    As JSON takes it. Raises ProjectUnknown.
    """
    projects.get(control, project)
    settings = embeddings.settings(control, project)
    first = (now or datetime.now(UTC)) - timedelta(days=settings.days)
    calls, embedded = embedding.covered(engine, project, first)
    told = embeddings.progress(control, project)
    fitted = embeddings.fitted(control, project)
    return {
        "settings": settings.as_json(),
        "since": first.isoformat(),
        "calls": calls,
        "embedded": embedded,
        "models": [
            {
                "model": each.model,
                "calls": each.calls,
                "stand_for": round(each.weight, 1),
                "dimensions": each.dimensions,
                "newest": each.newest.replace(tzinfo=UTC).isoformat(),
                "in_use": each.model == told.model,
            }
            for each in embedding.models(engine, project, first)
        ],
        "error": told.error,
        "lexical": None
        if fitted is None
        else {
            "model": fitted.model,
            "fitted_at": fitted.fitted_at.isoformat(),
            "texts": fitted.texts,
            "expected_unseen": round(fitted.expected_unseen, 4),
            "unseen": round(fitted.unseen / fitted.words, 4) if fitted.words else None,
        },
    }
