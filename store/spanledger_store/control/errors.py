"""What can go wrong in the control database.

    StoreError
    └── ControlError            base of the refusals below
        ├── ProjectUnknown      no such project
        ├── ProjectInvalid      the name cannot become a project id
        ├── KeyInvalid          a key was asked for with a name or a scope that cannot be
        ├── KeyUnknown          no key has this id or prefix
        ├── KeyAmbiguous        several keys begin with this prefix
        ├── BudgetInvalid       a budget was asked for that cannot be
        └── BudgetUnknown       the project has no budget of this name

A database that cannot be reached raises StoreUnavailable, one of a newer release MigrationError.
"""

from __future__ import annotations

from spanledger_store.errors import StoreError


class ControlError(StoreError):
    """Base of what the control database refuses."""


class ProjectUnknown(ControlError):
    """No project has this id."""


class ProjectInvalid(ControlError):
    """A project id must be a slug."""


class KeyInvalid(ControlError):
    """A key needs a name and the scope `ingest` or `read`."""


class KeyUnknown(ControlError):
    """No key has this id or prefix."""


class KeyAmbiguous(ControlError):
    """Several keys begin with this prefix."""


class BudgetInvalid(ControlError):
    """A part of a budget cannot be what it was asked to be."""


class BudgetUnknown(ControlError):
    """The project has no budget of this name."""


class JobUnknown(ControlError):
    """No job has this name."""
