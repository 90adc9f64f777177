"""Elements that only show something, as one piece of HTML instead of a component each.

A browser mounts a component of Dash in about a millisecond and an element of HTML in a hundredth of that; a page has
hundreds of elements that no callback ever asks for. `15-markup.js` puts them in place, and later changes what differs.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any, ClassVar, Final, cast

from dash.development.base_component import Component

# An element by itself is as good a component as any.
LEAST: Final = 3
_HTML: Final = "dash.html"
_VOID: Final = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "link", "meta", "source", "track", "wbr"})
_RENAMED: Final = {"className": "class", "htmlFor": "for", "acceptCharset": "accept-charset", "httpEquiv": "http-equiv"}
# What Dash keeps for itself.
_OWN: Final = frozenset({"children", "key", "n_clicks", "n_clicks_timestamp", "disable_n_clicks"})
# Lengths without a unit are pixels, as React has it, but for these.
_UNITLESS: Final = frozenset(
    {"flex", "flexGrow", "flexShrink", "fontWeight", "lineHeight", "opacity", "order", "zIndex"}
)


class Markup(Component):
    """An element whose inside is HTML; `attributes` are its own, as Dash spells them."""

    _namespace = "spanledger_markup"
    _type = "Markup"
    _base_nodes: ClassVar[list[str]] = ["children"]

    def __init__(self, tag: str, attributes: dict[str, Any], html: str) -> None:
        self._prop_names = ["tag", "attributes", "html"]
        self._valid_wildcard_attributes = list[str]()
        super().__init__(tag=tag, attributes=attributes, html=html)


def drawn(tree: Any) -> Any:
    """The same to look at, with as few components as can be: those with an id, those of other packages, and what is
    around them stay components. Lists stay lists; what has no component in it is returned as it is."""
    if isinstance(tree, list | tuple):
        return [drawn(each) for each in tree]
    if not isinstance(tree, Component):
        return tree
    written = _inside(tree)
    if written is not None:
        html, elements = written
        return Markup(tag=_tag(tree), attributes=_attributes(tree), html=html) if elements >= LEAST else tree
    children = getattr(tree, "children", None)
    if _is_element(tree) and children is not None:
        tree.children = drawn(children)
    return tree


def _is_element(component: Component) -> bool:
    return type(component).__module__.startswith(_HTML)


def _tag(element: Component) -> str:
    return type(element).__name__.lower()


def _attributes(element: Component) -> dict[str, Any]:
    told = cast("dict[str, Any]", element.to_plotly_json()["props"])
    return {name: value for name, value in told.items() if name not in _OWN}


def _inside(element: Component) -> tuple[str, int] | None:
    """An element's inside as HTML and how many elements it is; None where it cannot be said by HTML alone."""
    if not _is_element(element) or hasattr(element, "id") or hasattr(element, "n_clicks"):
        return None
    parts: list[str] = []
    elements = 1
    children = getattr(element, "children", None)
    waiting: list[Any] = [children]
    while waiting:
        each = waiting.pop()
        if each is None or isinstance(each, bool):
            continue
        if isinstance(each, list | tuple):
            waiting.extend(reversed(each))
        elif isinstance(each, str | int | float):
            parts.append(escape(str(each), quote=False))
        elif isinstance(each, Component):
            inside = _inside(each)
            if inside is None:
                return None
            parts.append(_whole(each, inside[0]))
            elements += inside[1]
        else:
            return None
    return "".join(parts), elements


def _whole(element: Component, inside: str) -> str:
    tag = _tag(element)
    told = "".join(_attribute(name, value) for name, value in _attributes(element).items())
    return f"<{tag}{told}>" if tag in _VOID else f"<{tag}{told}>{inside}</{tag}>"


def _attribute(name: str, value: Any) -> str:
    """An attribute with the space before it; '' where the element has none."""
    if name == "style":
        value = "; ".join(f"{_property(key)}: {_length(key, each)}" for key, each in value.items() if each is not None)
    spelled = name if name.startswith(("data-", "aria-")) else _RENAMED.get(name, name.lower())
    if isinstance(value, bool) and not spelled.startswith(("data-", "aria-")):
        return f" {spelled}" if value else ""
    if value is None:
        return ""
    return f' {spelled}="{escape(str(value).lower() if isinstance(value, bool) else str(value))}"'


def _property(name: str) -> str:
    return name if name.startswith("--") else re.sub("[A-Z]", lambda letter: f"-{letter[0].lower()}", name)


def _length(name: str, value: Any) -> str:
    bare = isinstance(value, str) or not value or name in _UNITLESS or name.startswith("--")
    return str(value) if bare else f"{value}px"
