"""Why something of an export is not imported.

BackfillError
├── FileRefused     nothing of the file can be read; the message names it and says what to do
├── RowRefused      this row is damaged, or says what no call can; the others are imported
└── LeftOut         this row holds no call, rightly; it is counted, and is no failure
"""

from __future__ import annotations


class BackfillError(Exception):
    """Base; the message is for whoever gave the file."""


class FileRefused(BackfillError):
    """The file as a whole is not an export that is understood."""


class RowRefused(BackfillError):
    """One row cannot be a call."""


class LeftOut(BackfillError):
    """One row has nothing to import."""
