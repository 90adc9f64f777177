"""The URL is the state: what it stands for, and how links are made from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from spanledger_dashboard import ranges
from spanledger_dashboard.errors import BadView
from spanledger_dashboard.view import View
from spanledger_store.scope import Dimension

NOW = datetime(2026, 11, 20, 15, 42, 7, tzinfo=UTC)


def parse(search: str, path: str = "/") -> View:
    return View.parse({"path": path, "search": search}, "default", NOW)


def test_an_empty_url_is_the_last_seven_days_in_whole_hours() -> None:
    view = parse("")
    assert view.range.end == datetime(2026, 11, 20, 16, tzinfo=UTC)
    assert view.range.end - view.range.start == timedelta(days=7)
    assert (view.project, view.preset, view.compare, view.live) == ("default", "7d", True, 0)
    assert view.scope.on_ledger


def test_short_ranges_end_with_the_current_minute_and_are_answered_by_spans() -> None:
    view = parse("?range=15m")
    assert view.range.end == datetime(2026, 11, 20, 15, 43, tzinfo=UTC)
    assert not view.scope.on_ledger


def test_months_are_those_of_the_readers_zone() -> None:
    berlin, kolkata = parse("?range=mtd&tz=Europe/Berlin"), parse("?range=last_month&tz=Asia/Kolkata")
    assert berlin.range.start == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert kolkata.range.start == datetime(2026, 9, 30, 18, 30, tzinfo=UTC)
    assert kolkata.range.end == datetime(2026, 10, 31, 18, 30, tzinfo=UTC)


def test_last_month_in_january_is_december() -> None:
    found = ranges.preset("last_month", datetime(2027, 1, 3, tzinfo=UTC), ranges.zone_named("UTC"))
    assert (found.start, found.end) == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def test_absolute_times_are_local_and_cross_a_clock_change() -> None:
    view = parse("?from=2026-10-25T00:00&to=2026-10-26T00:00&tz=Europe/Berlin")
    assert view.range.end - view.range.start == timedelta(hours=25)
    assert view.range.label == "25 Oct 2026"


@pytest.mark.parametrize(
    "search",
    [
        "?range=7y",
        "?from=yesterday&to=2026-11-01T00:00",
        "?from=2026-11-02T00:00&to=2026-11-01T00:00",
        "?from=2020-11-02T00:00&to=2026-11-01T00:00",
    ],
)
def test_a_range_that_makes_no_sense_is_named(search: str) -> None:
    with pytest.raises(BadView, match=search[1:5]):
        parse(search)


def test_an_unknown_zone_reads_as_utc() -> None:
    assert parse("?tz=Mars/Olympus").zone.key == "UTC"
    assert parse("?tz=../../etc/passwd").zone.key == "UTC"


def test_filters_repeat_and_nobody_has_a_name_in_the_url() -> None:
    view = parse("?customer=A&customer=B&feature=(none)&nonsense=1")
    assert view.filters == {Dimension.CUSTOMER: ("A", "B"), Dimension.FEATURE: ("",)}
    assert view.toggled(Dimension.FEATURE, "") == "/?customer=A&customer=B&nonsense=1"
    assert view.toggled(Dimension.CUSTOMER, "C").endswith("&customer=C")


def test_links_to_other_pages_leave_page_state_behind() -> None:
    view = parse("?range=30d&by=model&customer=A", "/spend")
    assert view.href("/traces") == "/traces?range=30d&customer=A"
    assert view.href(by="team") == "/spend?range=30d&customer=A&by=team"
    assert view.only(Dimension.CUSTOMER, "B&C", "/traces") == "/traces?range=30d&customer=B%26C"


def test_parsing_a_link_gives_the_view_back() -> None:
    view = parse("?range=30d&customer=A%20%26%20B&tag=x&live=30&cmp=0")
    again = parse(view.href().partition("?")[2])
    assert again.filters == view.filters
    assert (again.live, again.compare, again.range) == (30, False, view.range)
