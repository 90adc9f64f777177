"""Pinning and unpinning baselines of drift, each change noted in the table `audit`, without anybody's name."""

from __future__ import annotations

from spanledger_store import audit
from spanledger_store.control import Control, baselines
from spanledger_store.control.baselines import Baseline
from spanledger_store.engine import Engine


def pin(engine: Engine, control: Control, baseline: Baseline, *, interface: str) -> Baseline:
    """Keep a baseline, in place of the project's one of the same name; as it is kept.

    Raises ProjectUnknown and BaselineInvalid.
    """
    kept = baselines.pin(control, baseline)
    _note(engine, "baseline pinned", kept, interface)
    return kept


def unpin(engine: Engine, control: Control, project: str, name: str, *, interface: str) -> Baseline:
    """Take a baseline away; as it was. Raises BaselineUnknown."""
    gone = baselines.unpin(control, project, name)
    _note(engine, "baseline unpinned", gone, interface)
    return gone


def _note(engine: Engine, what: str, baseline: Baseline, interface: str) -> None:
    details = {
        "from": baseline.start.isoformat(),
        "to": baseline.end.isoformat(),
        "about": ",".join(sorted(baseline.slice)) or "everything",
        "of": ",".join(sorted(baseline.versions)),
    }
    audit.finish(engine, audit.Action(what, baseline.project, f"baseline:{baseline.id}", interface), {}, details)
