"""The operators' page names every setting, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from spanledger_collector import CollectorSettings
from spanledger_store.settings import StoreSettings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operator.md").read_text(encoding="utf-8")
NOT_FOR_PEOPLE = {"local_token"}


def test_every_setting_is_on_the_page_and_nothing_else() -> None:
    fields = set(StoreSettings.model_fields) | set(CollectorSettings.model_fields)
    wanted = {f"SPANLEDGER_{name.upper()}" for name in fields - NOT_FOR_PEOPLE}
    table = PAGE[PAGE.index("## Settings") : PAGE.index("## When something breaks")]
    assert set(re.findall(r"`(SPANLEDGER_\w+)`", table)) == wanted


def test_every_setting_is_in_its_class_docstring() -> None:
    for settings in (StoreSettings, CollectorSettings):
        for name in settings.model_fields:
            assert f"| {name} |" in (settings.__doc__ or "")
