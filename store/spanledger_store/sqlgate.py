"""The one door for SQL that people write: it reads this installation's tables, and does nothing else.

Three layers, each enough for what it covers: the statement's tokens are checked here; it then runs with the
engine's `readonly = 1` on a connection of its own; and within limits on time, memory and rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from spanledger_store.engine import Engine
from spanledger_store.errors import QueryError, QueryRefused, StoreUnavailable
from spanledger_store.sqltokens import Token, tokenize

MAX_SECONDS = 60
MAX_ROWS = 100_000
MAX_BYTES = 256 * 1024 * 1024
MAX_MEMORY = 2 * 1024 * 1024 * 1024

# `readonly` comes last: set first, the engine would refuse the others.
LIMITS: Mapping[str, Any] = {
    "max_execution_time": MAX_SECONDS,
    "max_result_rows": MAX_ROWS,
    "max_result_bytes": MAX_BYTES,
    "result_overflow_mode": "throw",
    "max_memory_usage": MAX_MEMORY,
    "output_format_json_quote_decimals": 1,
    "output_format_json_quote_denormals": 1,
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_validate_utf8": 1,
    "output_format_decimal_trailing_zeros": 0,
    "date_time_output_format": "iso",
    "readonly": 1,
}

_READING = frozenset({"select", "with", "from", "describe", "desc", "exists", "explain"})
_SHOWING = frozenset({"tables", "columns", "fields", "create"})
# Table functions that make rows out of their own arguments; every other one the engine has reaches outside.
_HARMLESS = frozenset(
    {"format", "generaterandom", "generateseries", "generate_series", "null", "numbers", "numbers_mt", "primes",
     "sqlstandardvalues", "values", "view", "zeros", "zeros_mt"}
)  # fmt: skip
# Functions that read files, call out, wait, write logs or tell about the process rather than the data.
_FORBIDDEN = re.compile(
    r"file|catboost\w*|sleep|sleepeachrow|ai[a-z]+|evalmlmethod|hascolumnintable|addressto\w+|logtrace"
    r"|getclienthttpheader|getserversetting|getmacro|generateserialid|currentrequesturl"
)
_SYSTEM_TABLES = frozenset({"tables", "columns"})
_SCHEMA_DATABASES = frozenset({"information_schema"})

# Engine errors that the limits above cause, and what to do about each.
_REMEDIES = {
    159: f"it took longer than {MAX_SECONDS} s. Narrow the time range, or read `ledger` instead of `spans`.",
    241: f"it needs more than {MAX_MEMORY // 2**30} GiB of memory. Narrow the time range or group by fewer columns.",
    396: f"its answer has more than {MAX_ROWS:,} rows. Add LIMIT, or sum up with GROUP BY.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows as the engine gave them: (name, ClickHouse type) per column, then values ready for JSON.

    Decimals, times (ISO 8601, UTC) and integers wider than 64 bits are strings, so that nothing is rounded.
    """

    columns: tuple[tuple[str, str], ...]
    rows: list[list[Any]]

    def as_json(self) -> list[list[Any]]:
        """The rows, made of nothing but what JSON has."""
        return self.rows


def run_readonly(engine: Engine, sql: str, params: Mapping[str, str] | None = None) -> Answer:
    """The answer to one reading statement; `params` fill `{name:Type}` placeholders.

    Raises QueryRefused, naming what was refused and the remedy, for anything but reading; QueryError where the
    statement is wrong or hits a limit; StoreUnavailable where the engine cannot answer now.
    """
    tokens = tokenize(sql)
    # A connection of its own: on the embedded engine `readonly` cannot be taken back once set.
    client = engine.connect(engine.database)
    try:
        functions, databases = _surroundings(client)
        check(tokens, functions, databases - {engine.database.lower()})
        text = client.raw_query(
            _without_end(sql, tokens), parameters=dict(params or {}), settings=dict(LIMITS), fmt="JSONCompact"
        )
    except Exception as error:
        raise _explained(error) from error
    finally:
        client.close()
    return _answer(text)


def check(tokens: Sequence[Token], table_functions: Iterable[str], other_databases: Iterable[str]) -> None:
    """Return if these tokens only read; raise QueryRefused, saying what does not, if they may do more."""
    statement = list(tokens)
    while statement and statement[-1].text == ";":
        statement.pop()
    if not statement:
        raise QueryRefused("there is no statement. Write one, such as: SELECT count() FROM spans")
    if any(token == Token("symbol", ";") for token in statement):
        raise QueryRefused("there is more than one statement. Send them one by one.")
    _check_start(statement)
    outside = {name.lower() for name in table_functions} - _HARMLESS
    others = {name.lower() for name in other_databases} - _SCHEMA_DATABASES
    for i, token in enumerate(statement):
        following = statement[i + 1 : i + 4]
        if token.is_name:
            _check_function(token, following, statement[max(0, i - 2) : i], outside)
            _check_database(token, following, others)
        if token.kind == "word":
            _check_clause(token, following)
        if token.text == "{" and any(each.text.lower() == "identifier" for each in following):
            raise QueryRefused("a parameter of type Identifier could name any table. Write the name out.")


def _check_start(statement: list[Token]) -> None:
    words = [token.text for token in statement if token.text != "("][:3]
    first = words[0] if words else "("
    if first == "show" and len(words) > 1 and words[1] in _SHOWING:
        if words[1] != "create" or words[2:] in (["table"], ["view"]):
            return
    elif first in _READING:
        return
    raise QueryRefused(
        f"{' '.join(words[:2]).upper() if first == 'show' else first.upper()} is not a reading statement. "
        "Use SELECT, WITH, DESCRIBE, EXISTS, EXPLAIN, SHOW TABLES, SHOW COLUMNS or SHOW CREATE TABLE."
    )


def _check_function(token: Token, following: list[Token], before: list[Token], outside: set[str]) -> None:
    # `* APPLY(name)` and `* APPLY name` call a function without writing its brackets.
    applied = bool(before) and (
        before[-1].text == "apply" or (before[-1].text == "(" and [each.text for each in before[:-1]] == ["apply"])
    )
    if not applied and not (following and following[0].text == "("):
        return
    name = token.text.lower()
    if name in outside or _FORBIDDEN.fullmatch(name):
        raise QueryRefused(f"{token.text}() reaches outside this installation's tables. Leave it out.")


def _check_database(token: Token, following: list[Token], others: set[str]) -> None:
    name = token.text.lower()
    if name not in others or len(following) < 2 or following[0].text != ".":
        return
    table = following[1].text
    if name == "system" and table in _SYSTEM_TABLES:
        return
    remedy = "Of `system`, only system.tables and system.columns may be read." if name == "system" else ""
    raise QueryRefused(f"{token.text}.{table} is in another database. {remedy or 'Name a table of this one.'}")


def _check_clause(token: Token, following: list[Token]) -> None:
    texts = [each.text for each in following]
    if token.text == "into" and texts[:1] == ["outfile"]:
        raise QueryRefused("INTO OUTFILE writes a file. Redirect the output of --format csv instead.")
    if token.text == "format" and len(texts) == 1 and following[0].is_name:
        raise QueryRefused("FORMAT is chosen by the caller. Leave it out, and use --format table, json or csv.")
    if token.text == "settings" and len(texts) > 1 and following[0].is_name and texts[1] == "=":
        raise QueryRefused(f"SETTINGS could lift the limits ({texts[0]}). Leave the clause out.")
    if token.text == "parallel" and texts[:1] == ["with"]:
        raise QueryRefused("PARALLEL WITH adds a statement. Send them one by one.")


def _surroundings(client: Client) -> tuple[set[str], set[str]]:
    """Names of the engine's table functions and of its databases, asked afresh: releases add to both."""
    functions: set[str] = set()
    databases: set[str] = {"system", "default"}
    for kind, name in client.query(
        "SELECT 'f', name FROM system.table_functions UNION ALL SELECT 'd', name FROM system.databases"
    ).result_rows:
        (functions if kind == "f" else databases).add(name.lower())
    return functions, databases


def _without_end(sql: str, tokens: Sequence[Token]) -> str:
    """The statement up to its closing semicolon; the driver appends a clause to what it is given."""
    end = next((token.at for token in tokens if token == Token("symbol", ";")), len(sql))
    # A line of its own, so that a closing comment does not swallow that clause.
    return sql[:end] + "\n"


def _answer(text: bytes) -> Answer:
    # The standard library's parser: it keeps integers of any width, which faster ones turn into floats.
    document = json.loads(text)
    columns = tuple((column["name"], column["type"]) for column in document["meta"])
    rows: list[list[Any]] = document["data"]
    wide = [i for i, (_, kind) in enumerate(columns) if re.fullmatch(r"(?:Nullable\()?U?Int(?:128|256)\)?", kind)]
    for row in rows if wide else ():
        for i in wide:
            row[i] = None if row[i] is None else str(row[i])
    return Answer(columns, rows)


def _explained(error: Exception) -> Exception:
    if isinstance(error, (QueryError, StoreUnavailable)):
        return error
    if not isinstance(error, ClickHouseError):
        return StoreUnavailable(str(error))
    code = getattr(error, "code", None)
    if code in _REMEDIES:
        return QueryError(f"the query was stopped: {_REMEDIES[code]}")
    if code is None:
        return StoreUnavailable(str(error))
    return QueryError(str(error))
