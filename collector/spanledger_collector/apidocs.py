"""The JSON API's own page: written from its OpenAPI description, without script and without anything from outside."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from string import Template
from typing import Any


def api_page(description: dict[str, Any]) -> str:
    """HTML that lists every operation of an OpenAPI document, with its body, answer and a command to try it."""
    operations = [
        _operation(method.upper(), path, operation, description)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    template = Template(files("spanledger_collector").joinpath("apidocs.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(description["info"]["title"]), version=escape(description["info"]["version"]),
        operations="\n".join(operations),
    )  # fmt: skip


def _operation(method: str, path: str, operation: dict[str, Any], description: dict[str, Any]) -> str:
    body = _schema(operation.get("requestBody", {}), description)
    answer = _schema(operation["responses"].get("200", {}), description)
    example = {name: field["examples"][0] for name, field in (body or {}).items() if field.get("examples")}
    command = f"curl -s 127.0.0.1:8787{path}"
    if body is not None:
        command += f" -H 'content-type: application/json' -d '{json.dumps(example)}'"
    parts = [
        f'<section><h2><b class="{method.lower()}">{method}</b> <code>{escape(path)}</code></h2>',
        f"<p>{escape(operation.get('description') or operation.get('summary', ''))}</p>",
        f"<pre>{escape(command)}</pre>",
    ]
    parts += [_table(name, fields) for name, fields in (("Body", body), ("Answer", answer)) if fields]
    return "".join([*parts, "</section>"])


def _schema(holder: dict[str, Any], description: dict[str, Any]) -> dict[str, Any] | None:
    """The properties of a JSON body, or None where there is none."""
    schema = holder.get("content", {}).get("application/json", {}).get("schema", {})
    reference = schema.get("$ref", "")
    if reference:
        schema = description["components"]["schemas"][reference.rpartition("/")[2]]
    return schema.get("properties")


def _table(name: str, fields: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(key)}</code></td><td>{escape(_type(field))}</td></tr>" for key, field in fields.items()
    )
    return f"<table><caption>{name}</caption>{rows}</table>"


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return field["$ref"].rpartition("/")[2]
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    if field.get("type") == "object" and "additionalProperties" in field:
        extra = field["additionalProperties"]
        return f"object of {_type(extra) if isinstance(extra, dict) else 'any'}"
    return str(field.get("type", "any"))
