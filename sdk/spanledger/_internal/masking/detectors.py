"""The built-in detectors, in the order in which they are asked."""

from __future__ import annotations

import re
from typing import Final

from spanledger._internal.masking.address import addresses
from spanledger._internal.masking.contact import emails, phones
from spanledger._internal.masking.credentials import NAME_HINTS, has_long_word, secrets
from spanledger._internal.masking.detector import Detector
from spanledger._internal.masking.payment import cards, ibans

# Seven digits, apart by at most what may stand between those of one number.
_NUMBER: Final = re.compile(r"[0-9](?:[ \u00a0\u202f./()\u2010-\u2013-]{0,3}[0-9]){6}")
_SECRET_HINTS: Final = (*NAME_HINTS, "sig", "://", ":\\/\\/")

_FOUR: Final = re.compile(r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]")
_COLONS: Final = re.compile(r":[0-9A-Fa-f]{0,4}:")


def _may_hold_address(text: str) -> object:
    return _FOUR.search(text) or _COLONS.search(text)


# Secrets first: a password in a URL looks like the name of a mailbox. IBANs and cards hold telephone numbers.
DETECTORS: Final = (
    Detector("secret", _SECRET_HINTS, has_long_word, secrets),
    Detector("email", ("@", "%40"), None, emails),
    Detector("iban", (), _NUMBER.search, ibans),
    Detector("card", (), _NUMBER.search, cards),
    Detector(
        "ip",
        (),
        _may_hold_address,
        addresses,
    ),
    Detector("phone", (), _NUMBER.search, phones),
)
