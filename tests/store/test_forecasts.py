"""Stored forecasts, the month that follows from one, and how they are held against what came; on both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.outlook import forecasts
from spanledger_store.outlook.forecasts import LEVELS, Made, Stored, outlook
from spanledger_store.reports import forecasts as reports
from spanledger_store.reports import outlooks
from tests.store.spending import spend

DAY = timedelta(days=1)
# Made forecasts are thinned out with time, so these are of now.
NOW = datetime.now(UTC)
TODAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
BEGINS = datetime(2026, 11, 10, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


def stored(daily: list[str], spread: float = 0.1, begins: datetime = BEGINS) -> Stored:
    """A forecast whose sums lie within a few times `spread` of the mean's."""
    mean = [Decimal(each) for each in daily]
    sums, total = [], 0.0
    for each in mean:
        total += float(each)
        sums.append(total)
    widths = [-3, -2, -1, 0, 1, 2, 3]
    return Stored(
        "", begins, begins, "level", 9, mean,
        [[max(0.0, float(each) * (1 + width * spread)) for each in mean] for width in widths],
        [[each * (1 + width * spread) for each in sums] for width in widths],
    )  # fmt: skip


def made(dimension: str, value: str, of: Stored) -> Made:
    return Made(dimension, value, of.method, of.origins, of.mean, of.steps, of.sums)


def test_a_month_is_what_is_spent_and_the_rest() -> None:
    ahead = outlook(stored(["10"] * 30), Decimal("123.456789012345"), BEGINS + DAY / 2, END)
    assert ahead is not None
    # Half of today and twenty days more.
    assert ahead.expected == Decimal("328.456789012345")
    low, high = ahead.band(90)
    assert ahead.spent < low < ahead.expected < high
    assert ahead.band(50)[0] > low
    assert outlook(stored(["10"] * 20), Decimal(0), BEGINS, END) is None


def test_the_day_passes_as_its_hours_do() -> None:
    office = [0.0] * 12 + [1 / 12] * 12
    at_noon = outlook(stored(["10"] * 30), Decimal(0), BEGINS + DAY / 2, BEGINS + DAY, office)
    assert at_noon is not None
    assert at_noon.expected == 10
    late = outlook(stored(["10"] * 30), Decimal(0), BEGINS + timedelta(hours=18), BEGINS + DAY, office)
    assert late is not None
    assert late.expected == 5


def test_the_band_narrows_until_nothing_is_left_to_come() -> None:
    widths = []
    for days in (0, 5, 10, 15, 20):
        ahead = outlook(stored(["10"] * 30), Decimal(10 * days), BEGINS + days * DAY, END)
        assert ahead is not None
        widths.append(ahead.band(90)[1] - ahead.band(90)[0])
    assert widths == sorted(widths, reverse=True)
    over = outlook(stored(["10"] * 30), Decimal("210.000000000001"), END, END)
    assert over is not None
    assert over.band(90) == (over.spent, over.spent)
    assert over.expected == over.spent


@given(st.lists(st.decimals(0, 10**6, places=6), min_size=22, max_size=22), st.decimals(0, 10**6, places=12),
       st.floats(0, 21), st.lists(st.decimals(0, 10**8, places=2), min_size=2, max_size=2))  # fmt: skip
def test_chances_fall_as_limits_rise_and_nothing_spent_is_unspent(
    daily: list[Decimal], spent: Decimal, gone: float, limits: list[Decimal]
) -> None:
    ahead = outlook(stored([str(each) for each in daily]), spent, BEGINS + gone * DAY, END)
    assert ahead is not None
    assert ahead.expected >= spent
    small, large = sorted(limits)
    assert 0 <= ahead.chance_over(large) <= ahead.chance_over(small) <= 1
    for band in (50, 80, 90):
        assert spent <= ahead.band(band)[0] <= ahead.band(band)[1]
    if spent > small:
        assert ahead.chance_over(small) == 1
    expected, early, late = ahead.reaches(large)
    if expected is not None:
        assert early is not None
        assert early <= expected <= (late or END) + timedelta(seconds=1)


def test_a_quantile_is_exceeded_as_often_as_it_says() -> None:
    ahead = outlook(stored(["10"] * 30), Decimal(0), BEGINS, END)
    assert ahead is not None
    for level, value in zip(LEVELS, ahead.quantiles, strict=True):
        assert ahead.chance_over(Decimal(str(round(value, 6)))) == pytest.approx(1 - level, abs=1e-3)


def test_a_limit_is_reached_when_the_course_crosses_it() -> None:
    ahead = outlook(stored(["10"] * 30), Decimal(100), BEGINS, END)
    assert ahead is not None
    expected, early, late = ahead.reaches(Decimal(145))
    assert expected == BEGINS + 4.5 * DAY
    assert early is not None
    assert late is not None
    assert early < expected < late
    assert ahead.reaches(Decimal(99))[0] == BEGINS
    assert ahead.reaches(Decimal(10_000)) == (None, None, None)


def test_what_is_stored_is_read_and_a_later_one_takes_its_place(engine: Engine) -> None:
    first = [made("", "", stored(["3", "4"])), made("customer", "acme", stored(["1", "1.000000001"])),
             made("customer", "gone", stored(["2", "3"]))]  # fmt: skip
    forecasts.save(engine, "default", "day", TODAY, TODAY, first)
    forecasts.save(engine, "other", "day", TODAY, TODAY, first[:1])
    again = [made("", "", stored(["5", "6"])), made("customer", "acme", stored(["5", "6"]))]
    (acme, *_) = [each for each in reports.made(engine, "default", TODAY, "customer") if each.value == "acme"]
    assert acme.mean == [Decimal(1), Decimal("1.000000001")]
    assert acme.horizon == 2
    assert acme.total(2) == Decimal("2.000000001")
    assert [len(each) for each in acme.sums] == [2] * len(LEVELS)
    later = TODAY + timedelta(hours=1, microseconds=123_456)
    assert forecasts.save(engine, "default", "day", TODAY, later, again) == 2
    assert [each.value for each in reports.made(engine, "default", TODAY, "customer")] == ["acme"]
    assert reports.made(engine, "default", TODAY)[0].mean == [Decimal(5), Decimal(6)]
    assert reports.made(engine, "other", TODAY)[0].mean == [Decimal(3), Decimal(4)]
    assert reports.newest(engine, "default", NOW) == (TODAY, later.replace(microsecond=123_000))
    assert reports.newest(engine, "nobody", NOW) is None
    rows = engine.rows(
        "SELECT toString(target), mean, ahead FROM forecasts WHERE project_id = 'default' AND value = 'acme' ORDER BY 3"
    )
    assert rows == [(f"{TODAY:%Y-%m-%d} 00:00:00", Decimal(5), 1), (f"{TODAY + DAY:%Y-%m-%d} 00:00:00", Decimal(6), 2)]


def test_a_customer_is_forgotten_and_no_one_else(engine: Engine) -> None:
    rows = [made("", "", stored(["3"])), made("customer", "acme", stored(["1"])), made("customer", "b", stored(["2"])),
            made("feature", "acme", stored(["3"]))]  # fmt: skip
    for day in (TODAY, TODAY - DAY):
        forecasts.save(engine, "default", "day", day, day, rows)
    forecasts.save(engine, "other", "day", TODAY, TODAY, rows)
    assert forecasts.forget(engine, "default", "acme") == 2
    assert forecasts.forget(engine, "default", "acme") == 0
    assert [each.value for each in reports.made(engine, "default", TODAY, "customer")] == ["b"]
    assert [each.value for each in reports.made(engine, "default", TODAY, "feature")] == ["acme"]
    assert len(reports.made(engine, "other", TODAY, "customer")) == 2
    # The engine keeps the text of mutations: it names nobody.
    texts = engine.rows(
        "SELECT command FROM system.mutations WHERE table = 'forecast_rows' AND database = currentDatabase()"
    )
    assert texts
    assert not any("acme" in text for (text,) in texts)


def test_accuracy_is_that_of_the_days_that_are_over(engine: Engine, control: Control) -> None:
    """Said three days ago: 10 a day. Came: 10, 40 (outside of all bands), 0."""
    begins = TODAY - 3 * DAY
    forecasts.save(engine, "default", "day", begins, begins,
                   [made("customer", "acme", stored(["10"] * 5)), made("", "", stored(["11"] * 5))])  # fmt: skip
    spend(engine, control, [
        (begins + timedelta(hours=3), "6", {"customer": "acme"}),
        (begins + timedelta(hours=9), "4", {"customer": "acme"}),
        (begins + DAY, "40", {"customer": "acme"}),
    ])  # fmt: skip
    one, week = reports.accuracy(engine, "default", NOW, "customer")
    assert (one.ahead, one.targets, one.actual, one.wape) == (1, 1, Decimal(10), 0)
    assert one.within == {50: 1.0, 80: 1.0, 90: 1.0}
    assert (week.ahead, week.targets, week.forecast, week.actual) == (7, 2, Decimal(20), Decimal(40))
    assert week.wape == pytest.approx((30 + 10) / 40)
    assert week.within == {50: 0.0, 80: 0.0, 90: 0.0}
    assert [each.actual for each in reports.accuracy(engine, "default", NOW)] == [10, 40]
    assert reports.accuracy(engine, "default", NOW, "model") == []


def test_what_was_said_of_a_month_is_kept(engine: Engine, control: Control) -> None:
    last = (TODAY.replace(day=1) - DAY).replace(day=1)
    length = (TODAY.replace(day=1) - last).days
    said = last + 10 * DAY
    forecasts.save(engine, "default", "day", said, said, [made("", "", stored(["2"] * 60))])
    spend(engine, control, [(last + day * DAY + timedelta(hours=1), "1", {}) for day in range(length)])
    document = outlooks.accuracy(engine, "default", NOW)
    (month,) = document["months"]
    assert month["month"] == f"{last:%Y-%m}"
    assert month["actual"] == str(length)
    assert month["expected"] == str(10 + 2 * (length - 10))
    assert Decimal(month["low_90"]) < Decimal(month["expected"]) < Decimal(month["high_90"])


def test_a_document_has_everything_first_and_bands_of_its_values(engine: Engine, control: Control) -> None:
    spend(engine, control, [(TODAY - DAY, "7", {"customer": "acme"}), (TODAY - DAY, "1", {"customer": ""})])
    rows = [made("", "", stored(["3"] * 90, begins=TODAY)), made("customer", "acme", stored(["2"] * 90, begins=TODAY))]
    forecasts.save(engine, "default", "day", TODAY, TODAY, rows)
    found = outlooks.forecast(engine, "default", NOW, UTC_ZONE, by="customer", days=10,
                              limit=Decimal(10_000), steps=True)  # fmt: skip
    whole, *rest = found["lines"]
    assert whole["value"] is None
    assert {each["value"] for each in rest} <= {"acme", ""}
    assert whole["ahead"]["expected"] == "30"
    assert whole["ahead"]["bands"]["90"] == ["21", "39"]
    assert len(whole["steps"]) == 10
    assert whole["limit"]["chance_over"] == 0.0
    assert found["history"][-1] == {"day": f"{TODAY - DAY:%Y-%m-%d}", "spent": "8"}
    # Nobody is left out: who has spent and has no forecast is there without one.
    nobody = [each for each in rest if each["value"] == ""]
    assert all(each["month"] is None and each["ahead"] is None for each in nobody)


def test_a_project_without_forecasts_has_a_document_without_them(engine: Engine) -> None:
    found = outlooks.forecast(engine, "default", NOW, UTC_ZONE, by="model")
    assert found["begins"] is None
    assert [each["ahead"] for each in found["lines"]] == [None]
    assert outlooks.accuracy(engine, "default", NOW)["lines"] == []


@pytest.mark.parametrize(
    ("asked", "says"), [({"by": "colour"}, "'colour'"), ({"days": 0}, "1 to 90"), ({"days": 91}, "91")]
)
def test_what_cannot_be_asked_says_what_can(embedded: Engine, asked: dict[str, object], says: str) -> None:
    with pytest.raises(outlooks.Unforeseen, match=says):
        outlooks.forecast(embedded, "default", NOW, UTC_ZONE, **asked)  # type: ignore[arg-type]
