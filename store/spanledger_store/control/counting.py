"""Counters that never give a value twice, which is what marks are told apart by."""

from __future__ import annotations

from sqlalchemy import Connection, update

from spanledger_store.control import models


def take(connection: Connection, counter: str, count: int) -> int:
    """The first of `count` values in a row that nobody has had before."""
    # The row lock this takes also puts concurrent marks one after another, so they cannot deadlock.
    statement = (
        update(models.counters)
        .where(models.counters.c.name == counter)
        .values(value=models.counters.c.value + count)
        .returning(models.counters.c.value)
    )
    last: int = connection.execute(statement).scalar_one()
    return last - count + 1
