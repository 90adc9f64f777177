"""What can go wrong in the control database.

    StoreError
    └── ControlError            base of the refusals below
        ├── ProjectUnknown      no such project
        ├── ProjectInvalid      the name cannot become a project id
        ├── KeyInvalid          a key was asked for with a name or a scope that cannot be
        ├── KeyUnknown          no key has this id or prefix
        ├── KeyAmbiguous        several keys begin with this prefix
        ├── BudgetInvalid       a budget was asked for that cannot be
        ├── BudgetUnknown       the project has no budget of this name
        ├── ChannelInvalid      a channel was asked for that cannot be, or is taken or in use
        ├── ChannelUnknown      the project has no channel of this name
        ├── OrderUnknown        there is no standing order of statements with this id
        ├── PriceUnknown        the project has no price of this name
        ├── CurrencyInvalid     no currency, or a rate that cannot be, or a currency without any
        ├── RateUnknown         there is no rate of the currency for that day
        ├── CenterInvalid       a rule of cost centres was asked for that cannot be
        ├── CenterUnknown       the project has no rule of cost centres of this name
        └── BillModelInvalid    words of a bill, or a model for them, that cannot be

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


class ChannelInvalid(ControlError):
    """A part of a channel cannot be what it was asked to be, or its name is taken, or something still uses it."""


class ChannelUnknown(ControlError):
    """The project has no channel of this name."""


class OrderUnknown(ControlError):
    """There is no standing order of statements with this id."""


class PriceUnknown(ControlError):
    """The project has no price of this name."""


class CurrencyInvalid(ControlError):
    """Not the code of a currency, a rate that cannot be, or a currency without a rate."""


class RateUnknown(ControlError):
    """The currency has no rate for that day, or none that begins on it."""


class CenterInvalid(ControlError):
    """A part of a rule of cost centres cannot be what it was asked to be."""


class CenterUnknown(ControlError):
    """The project has no rule of cost centres of this name, or none that begins on that day."""


class BillModelInvalid(ControlError):
    """A pattern or model that cannot be, or a pattern that has not been set."""
