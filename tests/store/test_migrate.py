from __future__ import annotations

import re
from importlib.resources import files

import pytest

from spanledger_store.engine import Engine
from spanledger_store.errors import MigrationError
from spanledger_store.migrate import Migration, migrate, pending, shipped


@pytest.fixture
def blank(engine: Engine) -> Engine:
    """The engine with nothing in it; the schema is put back afterwards by `migrate` itself."""
    kinds = tables(engine)
    for name in sorted(kinds, key=lambda name: kinds[name] != "View"):
        engine.command(f"DROP {'VIEW' if kinds[name] == 'View' else 'TABLE'} IF EXISTS {name} SYNC")
    return engine


def tables(engine: Engine) -> dict[str, str]:
    return dict(engine.rows("SELECT name, engine FROM system.tables WHERE database = currentDatabase() ORDER BY name"))


def test_numbers_run_without_gaps_and_every_file_is_a_migration() -> None:
    names = [e.name for e in files("spanledger_store").joinpath("migrations").iterdir() if e.name.endswith(".sql")]
    assert [m.number for m in shipped()] == list(range(1, len(names) + 1))


def test_a_dry_run_says_what_would_be_done_and_does_nothing(blank: Engine) -> None:
    planned = migrate(blank, dry_run=True)
    assert planned == shipped()
    assert tables(blank) == {}
    migrate(blank)


def test_migrating_twice_is_migrating_once(blank: Engine) -> None:
    assert migrate(blank) == shipped()
    before = tables(blank)
    assert migrate(blank) == []
    assert tables(blank) == before
    assert {"spans", "span_content", "embeddings", "scores", "ledger"} <= set(before)


def test_a_run_cut_short_after_any_statement_can_be_run_again(blank: Engine) -> None:
    statements = [statement for migration in shipped() for statement in migration.statements()]
    for statement in statements:
        blank.command(statement)
    assert pending(blank) == shipped()
    assert migrate(blank) == shipped()
    assert migrate(blank) == []


def test_a_changed_file_is_refused_by_name(blank: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(blank)
    changed = [Migration(m.number, m.slug, m.text + "-- edited\n") if m.number == 2 else m for m in shipped()]
    monkeypatch.setattr("spanledger_store.migrate.shipped", lambda: changed)
    with pytest.raises(MigrationError, match="0002_content"):
        migrate(blank)


def test_a_database_from_a_newer_release_is_refused(blank: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(blank)
    older = shipped()[:-1]
    monkeypatch.setattr("spanledger_store.migrate.shipped", lambda: older)
    with pytest.raises(MigrationError, match="does not know"):
        migrate(blank)


def test_no_template_variable_is_left_and_every_statement_is_idempotent() -> None:
    for migration in shipped():
        for statement in migration.statements():
            assert "$" not in statement
            assert re.match(
                r"CREATE (TABLE|VIEW) IF NOT EXISTS|CREATE OR REPLACE VIEW"
                r"|ALTER TABLE \w+\s+((ADD|DROP) \w+ IF|MODIFY COLUMN)"
                # Rows of revision 0 replace themselves, and nothing that came later.
                r"|INSERT INTO ledger_(day|total)_rows\s+SELECT[^;]*, 0\nFROM",
                statement,
            ), statement
