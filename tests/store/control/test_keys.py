"""Keys open what they should, and nothing stored or shown would open anything."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from spanledger_store.control import Control, keys, projects
from spanledger_store.control.errors import (
    KeyAmbiguous,
    KeyInvalid,
    KeyUnknown,
    ProjectInvalid,
    ProjectUnknown,
)


@pytest.mark.parametrize("scope", ["ingest", "read"])
def test_a_secret_opens_its_key(control: Control, scope: str) -> None:
    key, secret = keys.create(control, "default", " checkout ", scope)
    assert re.fullmatch(rf"sl_{scope}_[A-Za-z0-9_-]{{43}}", secret)
    assert keys.verify(control, secret) == key
    assert (key.project_id, key.name, key.scope, key.active) == ("default", "checkout", scope, True)
    assert keys.listing(control) == [key]


def test_the_secret_is_neither_stored_nor_shown(control: Control) -> None:
    key, secret = keys.create(control, "default", "a", "ingest")
    with control.read() as connection:
        row = connection.execute(text("SELECT * FROM api_keys")).one()
    hidden = secret.removeprefix(key.prefix)
    assert len(hidden) == 35
    assert hidden not in repr(tuple(row))
    assert hidden not in repr(key)
    assert "last_used_at" not in repr(key)


@pytest.mark.parametrize(
    "change", [lambda s: s[:-1], lambda s: s + "x", lambda s: s[:-1] + "é", lambda s: s.upper(), lambda s: ""]
)
def test_anything_else_opens_nothing(control: Control, change) -> None:  # pyright: ignore
    _, secret = keys.create(control, "default", "a", "ingest")
    assert keys.verify(control, change(secret)) is None


def test_a_scope_cannot_be_written_over(control: Control) -> None:
    _, secret = keys.create(control, "default", "a", "ingest")
    assert keys.verify(control, secret.replace("ingest", "read")) is None


def test_a_revoked_key_opens_nothing_more(control: Control) -> None:
    key, secret = keys.create(control, "default", "a", "ingest")
    assert keys.any_active(control, "ingest")
    assert not keys.any_active(control, "read")
    revoked = keys.revoke(control, key.prefix)
    assert revoked.id == key.id
    assert not revoked.active
    assert keys.verify(control, secret) is None
    assert not keys.any_active(control)
    assert keys.revoke(control, key.id) == revoked
    assert "revoked" in repr(revoked)


def test_revoking_names_exactly_one(control: Control) -> None:
    first, _ = keys.create(control, "default", "a", "ingest")
    keys.create(control, "default", "b", "ingest")
    with pytest.raises(KeyAmbiguous, match=f"2 keys begin.*{first.id}"):
        keys.revoke(control, "sl_ingest_")
    for nothing in ("sl_ingest_%", "", "other"):
        with pytest.raises(KeyUnknown, match="keys list"):
            keys.revoke(control, nothing)
    assert all(key.active for key in keys.listing(control))


def test_use_is_noted_once_a_minute(control: Control) -> None:
    key, secret = keys.create(control, "default", "a", "ingest")
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def used_after(now: datetime) -> datetime | None:
        found = keys.verify(control, secret)
        assert found is not None
        keys.touch(control, found, now)
        return keys.listing(control)[0].last_used_at

    assert used_after(noon) == noon
    assert used_after(noon + timedelta(seconds=59)) == noon
    assert used_after(noon + timedelta(minutes=2)) == noon + timedelta(minutes=2)
    keys.touch(control, key, noon + timedelta(minutes=1))  # a stale Key never turns the clock back
    assert keys.listing(control)[0].last_used_at == noon + timedelta(minutes=2)


def test_what_cannot_be_a_key_says_why(control: Control) -> None:
    with pytest.raises(KeyInvalid, match="one of: ingest, read"):
        keys.create(control, "default", "a", "write")
    with pytest.raises(KeyInvalid, match="1 to 200"):
        keys.create(control, "default", " ", "read")
    with pytest.raises(ProjectUnknown, match=r"'shop'.*default"):
        keys.create(control, "shop", "a", "read")


def test_projects(control: Control) -> None:
    shop = projects.ensure(control, "shop", "The Shop")
    assert projects.ensure(control, "shop", "Other") == shop
    assert projects.get(control, "shop") == shop
    assert [each.id for each in projects.listing(control)] == ["default", "shop"]
    _, secret = keys.create(control, "shop", "a", "ingest")
    found = keys.verify(control, secret)
    assert found is not None
    assert found.project_id == "shop"
    assert keys.listing(control, "default") == []


@pytest.mark.parametrize("bad", ["", "Shop", "-a", "a b", "a" * 65, "ä", "a\n"])
def test_a_project_id_is_a_slug(control: Control, bad: str) -> None:
    with pytest.raises(ProjectInvalid, match="lower-case"):
        projects.ensure(control, bad)
