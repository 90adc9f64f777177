"""What can go wrong between Spanledger and its databases.

StoreError
├── StoreUnavailable    the engine cannot be reached or opened: retry, nothing is lost
├── StoreLocked         another process holds the embedded directory
├── ClusterInvalid      the cluster is not one that this can run on
├── MigrationError      the schema on disk and the migrations of this release disagree
└── QueryError          the statement itself was refused: retrying will not help
    └── QueryRefused    it asked for more than reading
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of every error this package raises."""


class StoreUnavailable(StoreError):
    """The engine cannot be reached, or is out of disk or memory: the same write may succeed later."""


class StoreLocked(StoreError):
    """Another process holds the embedded data directory; its pid is in the message."""


class MigrationError(StoreError):
    """The migrations recorded in the database are not the ones this release ships."""


class ClusterInvalid(StoreError):
    """The cluster is unknown to the server, its shards are not alike, or a statement has no form for it."""


class QueryError(StoreError):
    """The engine refused the statement; the message is the engine's own."""


class QueryRefused(QueryError):
    """The statement wanted to do more than read tables."""
