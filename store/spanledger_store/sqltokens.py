"""SQL cut into tokens as ClickHouse cuts it; where releases of ClickHouse differ, the text is refused instead."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from spanledger_store.errors import QueryError, QueryRefused

Kind = Literal["word", "quoted", "string", "number", "symbol"]

# In order of precedence. Dots are symbols of their own, so that `1.file` ends in the word `file`.
_GRAMMAR = re.compile(
    r"""
    (?P<space>[ \t\r\n\f\v]+)
  | (?P<comment>--[^\n]*|\#[ !][^\n]*)
  | (?P<block>/\*(?P<inside>.*?)\*/)
  | (?P<string>'(?:[^'\\]|\\.|'')*')
  | (?P<quoted>"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`)
  | (?P<word>[A-Za-z_][A-Za-z0-9_$]*)
  | (?P<number>[0-9][A-Za-z0-9_]*)
  | (?P<symbol>[!-~])
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL from position `at`; `text` is lower case for a word, without its quotes for a quoted name."""

    kind: Kind
    text: str
    at: int = field(default=0, compare=False)

    @property
    def is_name(self) -> bool:
        """True where it can name a table, a column or a function."""
        return self.kind in ("word", "quoted")


def tokenize(sql: str) -> list[Token]:
    """The tokens of `sql`, without spaces and comments.

    Raises QueryRefused for text that one release reads as a comment or a string and another does not, and
    QueryError for a string, a name or a comment that does not end.
    """
    found: list[Token] = []
    at = 0
    while at < len(sql):
        match = _GRAMMAR.match(sql, at)
        if match is None:
            raise QueryRefused(
                f"the character {sql[at]!r} at position {at + 1} stands outside quotes. "
                "Use plain ASCII there, and straight quotes around text."
            )
        kind, text, start, at = match.lastgroup, match[0], at, match.end()
        if kind == "block" and "/*" in match["inside"]:
            raise QueryRefused("a comment begins inside a comment. Take the inner one out.")
        if kind == "quoted":
            found.append(Token("quoted", _unquoted(text), start))
        elif kind == "word":
            found.append(Token("word", text.lower(), start))
        elif kind == "string":
            found.append(Token("string", text, start))
        elif kind == "number":
            found.append(Token("number", text, start))
        elif kind == "symbol":
            found.append(_symbol(sql, start, text))
    return found


def _unquoted(text: str) -> str:
    if "\\" in text:
        raise QueryRefused(f"the name {text} has a backslash in it. Write the name without escapes.")
    quote = text[0]
    return text[1:-1].replace(quote * 2, quote)


def _symbol(sql: str, start: int, text: str) -> Token:
    if text in "'\"`" or (text == "/" and sql.startswith("/*", start)):
        raise QueryError(f"syntax error: {sql[start : start + 20]!r} at position {start + 1} does not end.")
    if text == "$":
        raise QueryRefused("'$' begins a string in dollars. Put the text in straight single quotes.")
    return Token("symbol", text, start)
