"""What a command can end with, and the exit code that says so.

CliError        1   it failed; the message says why and what to do
├── Refused     1   the running server finds the request itself wrong
├── Usage       2   it was asked for something that cannot be, or must not be
└── InUse       3   another process holds the data directory, or the port
"""

from __future__ import annotations


class CliError(Exception):
    """Base: printed as one line on standard error, without a traceback."""

    code = 1


class Refused(CliError):
    """The running server finds the request itself wrong."""


class Usage(CliError):
    """The request itself is wrong, or unsafe."""

    code = 2


class InUse(CliError):
    """What the command needs is held by another process."""

    code = 3
