"""IBANs and payment card numbers, by their check digits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from spanledger._internal.masking.detector import Found

# Length by country: the SWIFT registry of IBAN formats.
_IBAN_LENGTHS: Final = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip
# Begins with the check digits, which are rarer than letters, and looks back at the country.
_IBAN_CHECK: Final = re.compile(
    r"[0-9]{2}(?<=[A-Za-z]{2}[0-9]{2})(?<![A-Za-z0-9].{4})(?=[ \u00a0-]?[A-Za-z0-9]{4})", re.DOTALL
)
_IBAN_SEPARATORS: Final = " \u00a0-"


def ibans(text: str) -> Iterator[Found]:
    """Yield where IBANs are, written in one piece or in groups, whose length and check digits are right."""
    for match in _IBAN_CHECK.finditer(text):
        start = match.start() - 2
        length = _IBAN_LENGTHS.get(text[start : start + 2].upper())
        if length is None:
            continue
        taken: list[str] = []
        at = start
        while at < len(text) and len(taken) < length:
            letter = text[at]
            if letter.isascii() and letter.isalnum():
                taken.append(letter)
            elif letter not in _IBAN_SEPARATORS or text[at - 1] in _IBAN_SEPARATORS:
                break
            at += 1
        if len(taken) == length and not text[at : at + 1].isalnum() and mod97("".join(taken)) == 1:
            yield start, at


def mod97(iban: str) -> int:
    """Return the remainder that is 1 for a right IBAN (ISO 13616, ISO 7064)."""
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97


_CARD_RUN: Final = re.compile(r"[0-9]++(?:[ \u00a0.-][0-9]++)*+")
_DIGITS: Final = re.compile(r"[0-9]+")
_JOINED: Final = re.compile(r"[\w.]")
_UUID_SIZES: Final = [8, 4, 4, 4, 12]
# Issuers' ranges (ISO/IEC 7812), as first digits and the lengths they issue.
_ISSUERS: Final = (
    (re.compile(r"4"), {13, 16, 19}),  # Visa
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), {16}),  # Mastercard
    (re.compile(r"3[47]"), {15}),  # American Express
    (re.compile(r"6011|64[4-9]|65|62|81"), {16, 17, 18, 19}),  # Discover, UnionPay, RuPay
    (re.compile(r"35(?:2[89]|[3-8])"), {16, 17, 18, 19}),  # JCB
    (re.compile(r"30[0-5]|3095|36|3[89]"), {14, 16, 19}),  # Diners Club
    (re.compile(r"5018|5020|5038|5893|6304|6759|676[1-3]"), {13, 16, 18, 19}),  # Maestro
    (re.compile(r"220[0-4]"), {16, 17, 18, 19}),  # Mir
)


def cards(text: str) -> Iterator[Found]:
    """Yield where payment card numbers are: an issuer's range and length, and the check digit (Luhn)."""
    for run in _CARD_RUN.finditer(text):
        if len(run[0]) < 13:
            continue
        groups = list(_DIGITS.finditer(run[0]))
        # A first or last group that goes on in letters is part of a word.
        if _JOINED.match(text, run.start() - 1) and run.start():
            del groups[0]
        if groups and re.match(r"\w", text[run.end() : run.end() + 1]):
            del groups[-1]
        if [len(group[0]) for group in groups] == _UUID_SIZES:
            continue
        first = 0
        while first < len(groups):
            last = _card_end(groups, first)
            if last is None:
                first += 1
            else:
                yield run.start() + groups[first].start(), run.start() + groups[last].end()
                first = last + 1


def _card_end(groups: list[re.Match[str]], first: int) -> int | None:
    """The last group of the card number that begins with this group; None if none does."""
    digits = ""
    for at in range(first, min(first + 5, len(groups))):
        group = groups[at][0]
        if len(group) < 3 or (at == first and len(group) < 4):
            return None
        digits += group
        if len(digits) > 19:
            return None
        if is_card(digits):
            return at
    return None


def is_card(digits: str) -> bool:
    """True if an issuer has such numbers and the check digit is right."""
    size = len(digits)
    return size > 12 and any(size in sizes and begin.match(digits) for begin, sizes in _ISSUERS) and luhn(digits)


def luhn(digits: str) -> bool:
    """True if the last digit is the right check digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0 and digits.strip("0") != ""
