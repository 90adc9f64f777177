"""Questions whose words may be wrong: a request that cannot be exits 2, whoever refuses it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from spanledger_cli import reader, running
from spanledger_cli.errors import Refused, Usage
from spanledger_store.moments import MomentInvalid

if TYPE_CHECKING:
    from spanledger_store.control import Control
    from spanledger_store.engine import Engine
    from spanledger_store.settings import StoreSettings


def of_store(
    settings: StoreSettings,
    there: Callable[[running.Running], Any],
    here: Callable[[Engine, Control], Any],
    doing: str = "reading",
) -> Any:
    """As `reader.of_store`; raises Usage for what the running `up` or the databases refuse about the request."""
    with requests():
        return reader.of_store(settings, there, here, doing)


def of_control(settings: StoreSettings, there: Callable[[running.Running], Any], here: Callable[[Control], Any]) -> Any:
    """As `reader.of_control`; raises Usage likewise."""
    with requests():
        return reader.of_control(settings, there, here)


@contextmanager
def requests() -> Generator[None]:
    """Raises Usage for refusals of what is asked, in the words of who refuses it."""
    # The control database is a large library: loaded with the command.
    from spanledger_store.control.errors import ControlError
    from spanledger_store.quality.drift_request import ComparisonInvalid

    try:
        yield
    except (Refused, ControlError, ComparisonInvalid, MomentInvalid) as error:
        raise Usage(str(error)) from error
