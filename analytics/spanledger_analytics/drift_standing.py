"""What becomes of findings of drift later: those that are over, and those of a baseline that was pinned anew."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from spanledger_analytics import drift_merging
from spanledger_store.control.baselines import Baseline
from spanledger_store.findings import Finding
from spanledger_store.quality.drift import Look, slice_key

SHOWN: Final = ("open", "ended", "settled")
"""States of findings that have not been taken back."""
PINNED_ANEW: Final = "pinned_anew"
"""In the evidence of a finding that was withdrawn: the id of the baseline that has the name of the one it is of."""


def taken_back(found: Sequence[Finding], pinned: Baseline) -> list[Finding]:
    """Those that were found against an earlier baseline of the same name, withdrawn: they say nothing of this one."""
    made: list[Finding] = []
    for each in found:
        against = each.evidence["baseline"]
        # Earlier releases did not write down which baseline of the name it was.
        is_other = (
            against["id"] != pinned.id
            if "id" in against
            else pinned.created_at is not None and each.detected_at < pinned.created_at
        )
        if against["name"] == pinned.name and is_other:
            made.append(replace(each, state="withdrawn", evidence={**each.evidence, PINNED_ANEW: pinned.id}))
    return made


def over(
    found: Sequence[Finding], newest: Mapping[tuple[str, str], Look], pins: Collection[str], until: datetime
) -> list[Finding]:
    """Those that are over, ended: MERGED days after them have been looked at, and an alarm of these would have gone on
    with them. Their end stays that of their last alarm.

    A slice that is not watched any more counts as looked at when all calls were; a baseline that is not in `pins` any
    more, until now.
    """
    made: list[Finding] = []
    for each in found:
        quantity = drift_merging.of_quantity(each)
        name = quantity.partition("@")[2]
        looks = [newest.get((slice_key(where), quantity)) for where in (each.slice, {})]
        looked = max((look.end for look in looks if look is not None), default=each.end)
        if (until if name and name not in pins else looked) - each.end >= drift_merging.MERGED:
            made.append(replace(each, state="ended"))
    return made
