"""What the page of clusters reads beside their sums, and traces by cluster; on both engines."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from spanledger_store.control import Control
from spanledger_store.control import clusters as words
from spanledger_store.control.clusters import Event
from spanledger_store.engine import Engine
from spanledger_store.reports import clusters as reports
from spanledger_store.reports import clusters_page as beside
from spanledger_store.reports import traces
from spanledger_store.reports.buckets import Bucketing, Calendar
from spanledger_store.reports.traces import Order, TraceSearch
from spanledger_store.scope import Dimension, Scope
from tests.store.test_clusters import SCOPE, START, filled, identity  # noqa: F401  (a fixture)

HALF = Scope("default", START + timedelta(hours=60), START + timedelta(hours=120))


@pytest.mark.usefixtures("filled")
def test_a_course_adds_up_to_the_list_on_both_sides_of_its_beginning(engine: Engine, control: Control) -> None:
    found = beside.courses(engine, control, HALF)
    for stretch, read in ((HALF, lambda each: sum(each.weights)), (HALF.previous(), lambda each: each.weight_before)):
        lines = {each.cluster: each for each in reports.listing(engine, control, stretch)}
        assert {cluster: read(course) for cluster, course in found.of.items()} == pytest.approx(
            {cluster: line.weight for cluster, line in lines.items()}
        )
    now = reports.listing(engine, control, HALF)
    assert sum(sum(each.calls) for each in found.of.values()) == sum(each.calls for each in now) == 30
    assert sum(sum(each.costs) for each in found.of.values()) == pytest.approx(float(sum(x.cost_usd for x in now)))
    filtered = Scope("default", HALF.start, HALF.end, {Dimension.CUSTOMER: ("acme",)})
    assert set(beside.courses(engine, control, filtered).of) == {0, 2}


@pytest.mark.usefixtures("filled")
def test_first_calls_and_examples_are_those_of_what_is_shown(engine: Engine, control: Control) -> None:
    first = beside.first_calls(engine, control, "default")
    assert first == {number: START + timedelta(hours=2 * number) for number in range(4)}
    shown = beside.examples(engine, control, "default")
    assert {cluster: [each.text for each in calls] for cluster, calls in shown.items()} == {1: ["question 5"]}
    words.say(control, "default", 1, merged_into=3)
    assert beside.first_calls(engine, control, "default")[3] == START + timedelta(hours=2)
    assert list(beside.examples(engine, control, "default")) == [3]
    assert beside.examples(engine, control, "elsewhere") == {}


@pytest.mark.usefixtures("filled")
def test_the_score_of_most_calls_is_told_by_cluster_and_by_call(engine: Engine, control: Control) -> None:
    engine.command("TRUNCATE TABLE score_rows")
    assert beside.scored(engine, control, SCOPE) == beside.Scored()
    said = [(at, "" if at == 1 else identity(at)["span_id"], "fit") for at in (1, 5, 2)]
    for at, span, name in [*said, (2, "", "rare")]:
        engine.command(
            "INSERT INTO score_rows (project_id, trace_id, span_id, name, time, value, source, ingested_at) "
            "SELECT 'default', {trace:String}, {span:String}, {name:String}, now64(9), {value:Float64}, '', now64(9)",
            {"trace": identity(at)["trace_id"], "span": span, "name": name, "value": at / 10},
        )
    found = beside.scored(engine, control, SCOPE)
    assert found.name == "fit"
    assert found.means == pytest.approx({1: 0.3, 2: 0.2})
    per_call = beside.call_scores(engine, control, SCOPE, "fit").sort("score")
    assert per_call["score"].to_list() == pytest.approx([0.1, 0.2, 0.5])
    assert per_call["trace_id"][0] == identity(1)["trace_id"]


@pytest.mark.usefixtures("filled")
def test_news_is_told_with_the_cluster_of_its_examples(engine: Engine, control: Control) -> None:
    calls = [[identity(at)["trace_id"], identity(at)["span_id"]] for at in (5, 9, 2)]
    for kind, at in (("emergence", 100), ("birth", 100), ("emergence", 500)):
        moment = START + timedelta(hours=at)
        words.tell(control, Event("default", moment, kind, "cb1", details={"examples": calls, "key": f"{at}"}))
    found = beside.news(engine, control, SCOPE)
    assert [(event.at, cluster) for event, cluster in found] == [(START + timedelta(hours=100), 1)]
    assert beside.news(engine, control, Scope("other", SCOPE.start, SCOPE.end)) == []


@pytest.mark.usefixtures("filled")
def test_traces_are_found_by_cluster_and_by_what_is_merged_into_it(engine: Engine, control: Control) -> None:
    search = TraceSearch(SCOPE, clusters=(2,))
    ids = {identity(at)["trace_id"] for at in range(60) if at % 4 == 2}
    assert set(traces.page(engine, search, Order.NEWEST, 100)["trace_id"]) == ids
    words.say(control, "default", 3, merged_into=2)
    for asked in ((2,), (3,)):
        wider = beside.of_clusters(control, TraceSearch(SCOPE, clusters=asked))
        assert wider.clusters == (2, 3)
        assert traces.histogram(engine, wider, Bucketing(ZoneInfo("UTC"), calendar=Calendar.DAY))["traces"].sum() == 30
    one = TraceSearch(Scope("default", SCOPE.start, SCOPE.end, {Dimension.CUSTOMER: ("globex",)}), clusters=(2,))
    assert traces.page(engine, one, Order.DEAREST, 100).is_empty()
    counts = traces.facets(engine, search, [Dimension.CUSTOMER])[Dimension.CUSTOMER]
    assert counts.rows() == [("acme", 15)]


def test_an_area_holds_what_lies_inside_and_a_line_nothing() -> None:
    frame = pl.DataFrame({"x": [0.2, 0.7], "y": [0.6, 0.1]})
    assert beside.inside(frame, [(0, 0), (1, 0), (1, 1)])["x"].to_list() == [0.7]
    assert beside.inside(frame, [(0, 0), (1, 1)]).is_empty()
