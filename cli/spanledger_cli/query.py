"""`spanledger query`: SQL that reads."""

from __future__ import annotations

from typing import Annotated

import typer

from spanledger_cli.options import DataOption, Format, FormatOption, store_settings
from spanledger_cli.output import busy, write_rows


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT, SHOW, DESCRIBE or EXPLAIN.")],
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Ask the store in SQL, read-only.

    ClickHouse SQL. Tables: spans, span_content, embeddings, scores, ledger. At most 100,000 rows and 60 seconds.
    While `spanledger up` runs on the directory, the question goes through it.

    Example: spanledger query "SELECT customer, sum(cost_usd) FROM ledger GROUP BY customer" --format csv
    """
    from spanledger_cli.reader import answer

    with busy("asking"):
        columns, rows = answer(store_settings(data), sql)
    write_rows(columns, rows, form)
