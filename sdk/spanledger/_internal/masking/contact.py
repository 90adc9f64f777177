"""E-mail addresses and telephone numbers in running text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from spanledger._internal.masking.detector import Found

# Patterns begin with what is rare (an @, a digit) and look around from there: that is several times as fast.
_AT: Final = re.compile(r"@|%40")
_LOCAL: Final = re.compile(r"(?<!\w)\w(?:[\w.+'-]|%2[bB]){0,63}\Z")
_DOMAIN: Final = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+(?:xn--[a-z0-9-]{2,59}|[^\W\d_]{2,63})", re.IGNORECASE)
# `icon@2x.png` and `react@18.2.0-rc.next` are files and versions.
_NO_DOMAIN: Final = re.compile(r"\d+x\.[a-z]{2,4}$|\d+\.\d")


def emails(text: str) -> Iterator[Found]:
    """Yield where e-mail addresses are, those in URLs (`%40`) included."""
    for at in _AT.finditer(text):
        local = _LOCAL.search(text, max(0, at.start() - 66), at.start())
        domain = _DOMAIN.match(text, at.end())
        if local is None or domain is None or _NO_DOMAIN.match(domain[0]):
            continue
        if local[0] == "git" and text[domain.end() : domain.end() + 1] == ":":
            continue
        yield local.start(), domain.end()


_SEPARATOR: Final = r"[ \u00a0\u202f./()\u2010-\u2013-]"
_RUN: Final = re.compile(rf"[0-9]++(?:{_SEPARATOR}{{1,3}}[0-9]++)*+")
_DIGITS: Final = re.compile(r"[0-9]+")

# Country code -> digits of a national number; other codes 4 to 12. From the ITU's national numbering plans.
_LENGTHS: Final = {
    "1": (10, 10), "7": (10, 10), "20": (8, 10), "27": (9, 9), "30": (10, 10), "31": (9, 9), "32": (8, 9),
    "33": (9, 9), "34": (9, 9), "36": (8, 9), "39": (6, 11), "40": (9, 9), "41": (9, 9), "43": (5, 12), "44": (9, 10),
    "45": (8, 8), "46": (7, 10), "47": (8, 8), "48": (9, 9), "49": (6, 11), "51": (8, 9), "52": (10, 10),
    "54": (10, 11), "55": (10, 11), "56": (9, 9), "57": (8, 10), "60": (8, 10), "61": (9, 9), "62": (8, 12),
    "63": (8, 10), "64": (8, 10), "65": (8, 8), "66": (8, 9), "81": (9, 10), "82": (8, 10), "84": (9, 10),
    "86": (10, 11), "90": (10, 10), "91": (10, 10), "92": (9, 10), "94": (9, 9), "98": (10, 10),
    "351": (9, 9), "353": (7, 9), "354": (7, 7), "358": (6, 11), "359": (7, 9), "370": (8, 8), "371": (8, 8),
    "372": (7, 8), "380": (9, 9), "381": (8, 9), "385": (8, 9), "386": (8, 8), "420": (9, 9), "421": (9, 9),
    "852": (8, 8), "880": (8, 10), "886": (8, 9), "966": (8, 9), "971": (8, 9), "972": (8, 9),
}  # fmt: skip
_OTHER_CODES: Final = re.compile(
    r"2[1-9]\d|29[0-9]|3[5-8]\d|42[0-3]|50\d|59\d|67\d|68\d|69[0-2]|80[08]|85\d|87[08]|88[0-8]|9[679]\d|5[038]|9[35]"
)
_INTERNATIONAL: Final = re.compile(r"(?<![\w.+-])(?:\+ ?\(?|(?<!\d )00(?=[1-9]))(?=\d)")

# Forms without a country code that a number of another kind seldom has.
_NATIONAL: Final = re.compile(
    r"(?<![\w.+/#,-])(?:"
    r"(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}"  # US and Canada
    r"|1[3-9]\d[ -]\d{4}[ -]\d{4}"  # China, mobile
    r"|[6-9]\d{4} \d{5}"  # India, mobile
    r"|[6-9]\d\d \d\d \d\d \d\d"  # Spain
    r"|\([1-9]\d\) ?9?\d{4}-\d{4}"  # Brazil
    r")(?![\w]|[.,/-]\d|-\w)"
)
_TRUNK: Final = re.compile(r"(?<![\w.+/#,-])(?<!\d )\(?0(?=[1-9])")
# After such a word any digits of a fitting number are one.
_WORD: Final = re.compile(
    r"\b(?:(?:tele|mobile |cell ?)?phone|tel(?:efono|éfono|éphone|efon)?|mobil(?:e|funk)?|cell|fax|whatsapp|handy|sms"
    r"|rufnummer|telefonnummer|(?:call|reach|text|ring) (?:me|us|him|her|them))\b"
    r"(?P<gap>[^\d\n+]{0,20})\Z",
    re.IGNORECASE,
)
_NO_NUMBER: Final = re.compile(r"\bid\b|[{}=\[\]]", re.IGNORECASE)
_LONGEST: Final = 64
_DATE: Final = re.compile(r"(?:19|20)\d\d[-./]\d\d[-./]\d\d|\d\d?([-./])\d\d?\1(?:19|20)\d\d(?!\d)")


def phones(text: str) -> Iterator[Found]:
    """Yield where telephone numbers are: international ones, common national forms, any after a word for one."""
    for run in _RUN.finditer(text):
        if len(run[0]) < 7 or sum(map(str.isdigit, run[0])) < 7:
            continue
        # From what may stand before the first digit to what must not stand after the last.
        begin, finish = max(0, run.start() - 3), run.end() + 2
        for match in _INTERNATIONAL.finditer(text, begin, finish):
            if (end := _international_end(_from(text, match.end()))) is not None:
                yield match.start(), end
        for match in _NATIONAL.finditer(text, begin, finish):
            yield match.start(), match.end()
        for match in _TRUNK.finditer(text, begin, finish):
            if (end := _trunk_end(text, _from(text, match.end() - 1))) is not None:
                opened = match[0][0] == "(" and ")" not in text[match.start() : end]
                yield match.start() + opened, end
        word = _WORD.search(text, max(0, run.start() - 45), run.start())
        if word is not None and not _NO_NUMBER.search(word["gap"]) and not _DATE.match(run[0]):
            end = _longest(run, 7, 13)
            if end is not None and not _continues(text, end):
                yield run.start(), end


def _from(text: str, at: int) -> re.Match[str]:
    """The digits from here on, as far as a number may reach."""
    run = _RUN.match(text, at, at + _LONGEST)
    assert run is not None, "patterns end where a digit begins"
    return run


def _longest(run: re.Match[str], least: int, most: int) -> int | None:
    """Where the longest beginning of the run ends that has this many digits; None without one."""
    count = 0
    best = None
    for group in _DIGITS.finditer(run[0]):
        count += len(group[0])
        if count > most:
            break
        if count >= least:
            best = run.start() + group.end()
    return best


def _continues(text: str, end: int) -> bool:
    return text[end : end + 1].isalnum() or text[end : end + 1] == "_"


def _international_end(run: re.Match[str]) -> int | None:
    digits = "".join(_DIGITS.findall(run[0]))
    for size in (1, 2, 3):
        code = digits[:size]
        if code in _LENGTHS:
            least, most = _LENGTHS[code]
            if code == "1" and not re.match(r"1[2-9]\d\d[2-9]", digits):
                return None
            break
        if size > 1 and _OTHER_CODES.fullmatch(code):
            least, most = 4, 12
            break
    else:
        return None
    # The zero of `+49 (0)30 ...` is dialled only at home.
    trunk = 1 if re.match(r"\d{1,3}\)? ?\(0\)", run[0]) else 0
    end = _longest(run, max(8, size + least + trunk), min(16, size + most + trunk))
    return None if end is not None and _continues(run.string, end) else end


def _trunk_end(text: str, run: re.Match[str]) -> int | None:
    groups = _DIGITS.findall(run[0])
    if len(groups) < 2 or _DATE.match(run[0]) or len(groups[0]) > 5:
        return None
    sizes = {len(group) for group in groups}
    if sizes == {2}:
        # Five pairs are French; others are dates, times and measures.
        same = len({run[0][at] for at in (2, 5, 8, 11) if at < len(run[0])}) == 1
        return run.end() if len(groups) == 5 and len(run[0]) == 14 and same else None
    # A long number in groups of four is an account's or an order's; five and four are a postal code.
    if [len(group) for group in groups[:3]] == [4, 4, 4] or [len(group) for group in groups] == [5, 4]:
        return None
    end = _longest(run, 9, 12)
    return None if end is not None and _continues(text, end) else end
