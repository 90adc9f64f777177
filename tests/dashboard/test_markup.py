"""Elements that only show something arrive as HTML: the same to look at, and nothing of a value becomes markup."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import dash_mantine_components as dmc
import pytest
from dash import dcc, html
from playwright.sync_api import Page

from spanledger_dashboard.markup import Markup, drawn
from spanledger_dashboard.parts.basics import card, icon, wild

HOSTILE = """<img src=x onerror="alert(1)">&amp;'"</b>"""


class Elements(HTMLParser):
    """What a browser would make of HTML: elements with their attributes, and the text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def told(component: Any) -> dict[str, Any]:
    made = drawn(component)
    assert isinstance(made, Markup)
    return {name: getattr(made, name) for name in ("tag", "attributes", "html")}


def test_a_tree_of_elements_is_one_component() -> None:
    made = told(card("Largest", html.Table(html.Tbody([html.Tr([html.Td(1), html.Td("two")])])), kind="wide"))
    assert made["tag"] == "section"
    assert made["attributes"] == {"className": "card wide", "aria-label": "Largest"}
    found = Elements(made["html"])
    assert [tag for tag, _ in found.elements] == ["div", "h2", "span", "table", "tbody", "tr", "td", "td"]
    assert found.text == "Largest1two"


def test_nothing_of_a_value_becomes_markup() -> None:
    made = told(html.Div([html.A(HOSTILE, href=HOSTILE, title=HOSTILE), html.B([HOSTILE, None, 0, 1.5])]))
    found = Elements(made["html"])
    assert found.elements == [("a", {"href": HOSTILE, "title": HOSTILE}), ("b", {})]
    assert found.text == HOSTILE + HOSTILE + "01.5"


def test_attributes_are_spelled_as_html_has_them() -> None:
    style: Any = {"width": "5%", "minHeight": 12, "zIndex": 3, "--n": "4", "left": None}
    shown = html.Td(
        [html.Option("a", value="a", selected=True), html.Option("b", value="b", selected=False), html.Br()],
        className="num x", colSpan="2", tabIndex="0", hidden=False, style=style,
        **wild({"data-cluster": 7, "aria-hidden": True}),
    )  # fmt: skip
    (_, cell), (_, first), (_, second), (last, _) = Elements(told(html.Tr([shown, icon("x")]))["html"]).elements[:4]
    assert cell == {
        "class": "num x", "colspan": "2", "tabindex": "0", "data-cluster": "7", "aria-hidden": "true",
        "style": "width: 5%; min-height: 12px; z-index: 3; --n: 4",
    }  # fmt: skip
    assert (first, second, last) == ({"value": "a", "selected": None}, {"value": "b"}, "br")


@pytest.mark.parametrize("kept", [html.B("x", id="x"), dcc.Store("x"), dmc.Text("x"), html.Button("x", n_clicks=0)])
def test_what_callbacks_may_ask_for_stays_a_component(kept: Any) -> None:
    beside = html.Ul([html.Li("a"), html.Li("b")])
    made = drawn([html.Div([html.P(kept), beside], id="outer"), "text", None])
    assert [type(each) for each in made] == [html.Div, str, type(None)]
    first, second = made[0].children
    assert first.children is kept
    assert isinstance(second, Markup)


def test_a_single_element_stays_what_it_is() -> None:
    alone = html.B("x")
    assert drawn(alone) is alone


CHANGED = """async () => {
    const place = document.createElement("div");
    document.body.append(place);
    const root = ReactDOM.createRoot(place);
    const show = async (html, tag = "section") => {
        root.render(React.createElement(spanledger_markup.Markup, {tag, attributes: {className: "x"}, html}));
        await new Promise((done) => setTimeout(done, 50));
    };
    await show("<button>a</button><details><summary>s</summary>1</details><ul><li>1</li><li>2</li></ul><i>gone</i>");
    const button = place.querySelector("button");
    button.focus();
    place.querySelector("details").open = true;
    await show('<button class="on">b</button><details><summary>s</summary>2</details><ul><li>2</li></ul>tail');
    const kept = {
        focused: document.activeElement === button, open: place.querySelector("details").open,
        html: place.firstChild.innerHTML, tag: place.firstChild.tagName,
    };
    await show("<b>other</b>", "article");
    kept.other = place.innerHTML;
    root.unmount();
    place.remove();
    return kept;
}"""


@pytest.mark.browser
def test_a_change_leaves_focus_and_what_is_unfolded(open_page: Callable[..., Page]) -> None:
    page = open_page("/health")
    page.wait_for_selector("#main .pg")
    assert page.evaluate(CHANGED) == {
        "focused": True,
        "open": True,
        "html": '<button class="on">b</button><details open=""><summary>s</summary>2</details><ul><li>2</li></ul>tail',
        "tag": "SECTION",
        "other": '<article class="x"><b>other</b></article>',
    }
