"""docs/frameworks.md is what the last runs found."""

import json

from spanledger._internal.instrument.libraries import NAMES
from tests.sdk.frameworks import page
from tests.sdk.frameworks.run import PROGRAMS
from tests.sdk.frameworks.table import CASES, CHARGES, TRIALS


def test_the_page_is_what_was_found() -> None:
    assert page.rendered(json.loads(page.RESULTS.read_text())) == page.PAGE.read_text()


def test_every_library_is_in_the_table() -> None:
    assert {trial.library for trial in TRIALS} == set(NAMES)
    assert len({trial.name for trial in TRIALS}) == len(TRIALS)
    for trial in TRIALS:
        assert (PROGRAMS / f"{trial.program}.py").exists()
        assert trial.answers in CHARGES


def test_what_went_wrong_is_told_in_a_note() -> None:
    trial = TRIALS[0]
    outcome = {
        "library": trial.library,
        "package": "openai<3",
        "version": "2.0",
        "instrumentation": None,
        "scopes": ["openinference.instrumentation.openai"],
        "cases": {**dict.fromkeys(CASES, "ok"), "stream": "2 | billable"},
        "day": "2026-01-01",
    }
    text = page.rendered({trial.name: outcome})
    assert "| openai | openai 2.0 | Spanledger's wrapping | openinference.openai | ok | ok | note 1 | ok |" in text
    assert "1. 2 \\| billable" in text
    assert "Not tried yet: anthropic, google-genai" in text
