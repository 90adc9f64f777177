"""Channels as they are kept: refused where they could not work, and never telling their secrets."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from spanledger_store.control import Control, budgets, channel_kinds, channels, projects, statements
from spanledger_store.control.budgets import Budget
from spanledger_store.control.channels import Channel, Kind, revealed, signing_key
from spanledger_store.control.dump import lines, load, revision
from spanledger_store.control.errors import ChannelInvalid, ChannelUnknown, ProjectUnknown
from spanledger_store.periods import Period

HOOK = "https://hooks.example.com/services/T0/B0/very-secret?token=also"


def mail(**changed: Any) -> Channel:
    values: dict[str, Any] = {"host": "smtp.example.com", "sender": "a@example.com", "to": ["b@example.com"]}
    return channel_kinds.email("default", "mail", **values | changed)


def test_secrets_are_kept_and_shown_nowhere(control: Control) -> None:
    kept = channels.put(control, channel_kinds.slack("default", "team", HOOK))
    shown = f"{kept!r} {json.dumps(kept.as_json())} {channels.listing(control)!r}"
    assert "very-secret" not in shown
    assert "also" not in shown
    assert kept.as_json()["settings"] == {"at": "https://hooks.example.com/…"}
    assert kept.as_json()["secrets"] == {"url": "kept"}
    assert revealed(channels.get(control, "default", "team"), "url") == HOOK


def test_a_webhooks_signing_secret_is_made_and_told_once(control: Control) -> None:
    told = channel_kinds.added(control, channel_kinds.webhook("default", "ops", "http://127.0.0.1:9/x"))
    assert len(signing_key(told["signing_secret"])) == 32
    assert told["signing_secret"] not in json.dumps(channels.get(control, "default", "ops").as_json())
    again = channel_kinds.webhook("default", "later", "http://127.0.0.1:9/x", secret="env:HOOK_SECRET")
    assert channel_kinds.added(control, again)["signing_secret"] == ""


def test_what_is_elsewhere_is_read_each_time(control: Control, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "url"
    place.write_text("https://example.com/one\n")
    kept = channels.put(control, channel_kinds.slack("default", "team", f"file:{place}"))
    assert kept.as_json()["secrets"] == {"url": f"file:{place}"}
    assert revealed(kept, "url") == "https://example.com/one"
    place.write_text("https://example.com/two\n")
    assert revealed(kept, "url") == "https://example.com/two"
    place.unlink()
    with pytest.raises(ChannelInvalid, match="cannot be read"):
        revealed(kept, "url")
    with_password = mail(user="jo", password="env:MAIL_PASSWORD")
    with pytest.raises(ChannelInvalid, match="environment of this process has no MAIL_PASSWORD"):
        revealed(with_password, "password")
    monkeypatch.setenv("MAIL_PASSWORD", "hunter2")
    assert revealed(with_password, "password") == "hunter2"
    assert "hunter2" not in repr(with_password)


def test_a_name_is_one_channel_of_its_project(control: Control) -> None:
    projects.ensure(control, "other")
    first = channels.put(control, mail())
    with pytest.raises(ChannelInvalid, match="a channel 'mail' already"):
        channels.put(control, mail())
    changed = channels.put(control, mail(to=["c@example.com", "d@example.com"]), replacing=True)
    assert (changed.id, changed.created_at, changed.settings["to"]) == (
        first.id, first.created_at, "c@example.com, d@example.com",
    )  # fmt: skip
    assert channels.put(control, replace(mail(), project="other")).id != first.id
    assert [each.project for each in channels.listing(control)] == ["default", "other"]
    with pytest.raises(ProjectUnknown):
        channels.put(control, replace(mail(), project="nowhere"))


def test_without_a_name_the_default_ones_are_chosen(control: Control) -> None:
    channels.put(control, replace(mail(), name="a", is_default=True))
    channels.put(control, replace(mail(), name="b"))
    channels.put(control, replace(mail(), name="c", is_default=True))
    assert channels.chosen(control, "default", []) == ["a", "c"]
    assert channels.chosen(control, "default", ["b", "gone"]) == ["b"]
    assert channels.chosen(control, "elsewhere", []) == []


def test_one_that_is_named_stays(control: Control) -> None:
    channels.put(control, mail())
    budgets.put(control, Budget("default", "Acme", Decimal(5), Period.DAY, notify=("mail",)))
    given = statements.order(control, statements.Order("default", "mail", day=3))
    with pytest.raises(ChannelInvalid, match=rf"still used by budget 'Acme', statement order {given.id}; change"):
        channels.remove(control, "default", "mail")
    budgets.remove(control, "default", "Acme")
    statements.cancel(control, "default", given.id)
    assert channels.remove(control, "default", "mail").name == "mail"
    with pytest.raises(ChannelUnknown, match=r"has no channel 'mail'; it has: none yet. Add one"):
        channels.remove(control, "default", "mail")


def test_a_budget_names_channels_that_are_there(control: Control) -> None:
    with pytest.raises(ChannelUnknown, match="has no channel 'gone'"):
        budgets.put(control, Budget("default", "Acme", Decimal(5), Period.DAY, notify=("gone",)))


def test_channels_are_in_a_backup(control: Control) -> None:
    kept = channels.put(control, channel_kinds.slack("default", "team", HOOK, is_default=True))
    dumped, at = list(lines(control)), revision(control)
    channels.remove(control, "default", "team")
    load(control, at, dumped)
    assert channels.listing(control) == [kept]
    assert revealed(channels.listing(control)[0], "url") == HOOK


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"host": "smtp.example.com/x"}, "no mail server"),
        ({"security": "ssl"}, "security 'ssl' is unknown; use starttls, tls, none"),
        ({"to": []}, "nobody would get the mail"),
        ({"to": ["jo"]}, "'jo' is no mail address"),
        ({"sender": "a@b\r\nBcc: c@d"}, "no mail address"),
        ({"user": "jo"}, "go together"),
        ({"user": "jo", "password": "hunter2"}, "say where it is to be read"),
        ({"user": "jo", "password": "env:P", "security": "none"}, "in the clear"),
        ({"port": 70000}, "port 70000 is none"),
    ],
)
def test_mail_that_could_not_work_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ChannelInvalid, match=says):
        mail(**changed)


@pytest.mark.parametrize("url", ["", "ftp://example.com", "example.com/hook", "https://", "http://[::1"])
def test_an_address_that_cannot_be_posted_to_is_refused(url: str) -> None:
    with pytest.raises(ChannelInvalid, match="none that can be posted to"):
        channel_kinds.webhook("default", "ops", url)


def test_names_and_signing_secrets_have_rules() -> None:
    for name in ("", "a/b", "a,b", "x" * 101):
        with pytest.raises(ChannelInvalid, match="cannot be a channel's"):
            Channel("default", name, Kind.SLACK)
    with pytest.raises(ChannelInvalid, match="not base64"):
        channel_kinds.webhook("default", "ops", HOOK, secret="whsec_%%")
    with pytest.raises(ChannelInvalid, match="has 3 bytes"):
        channel_kinds.webhook("default", "ops", HOOK, secret="whsec_YWJj")
