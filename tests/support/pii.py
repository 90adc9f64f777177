"""Texts with personal data whose truth is known, and texts with what merely looks like it; all invented, by a seed.

Values are made from the formats that issuers and countries publish, not from what a detector looks for.
"""

from __future__ import annotations

import base64
import json
import random
import string
import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple

R = random.Random
LETTERS = string.ascii_letters + string.digits


class Sample(NamedTuple):
    """One text. `kind` is what it holds, None for a look-alike; `expected` is the text with it replaced."""

    kind: str | None
    form: str
    text: str
    expected: str


def _digits(r: R, count: int, first: str = "0123456789") -> str:
    return r.choice(first) + "".join(r.choices("0123456789", k=count - 1)) if count else ""


def _word(r: R, alphabet: str, count: int) -> str:
    return "".join(r.choices(alphabet, k=count))


# --- e-mail ----------------------------------------------------------------------------------------
FIRST = ("anna", "bob", "chen", "dmitri", "eve", "fatima", "giulia", "hans", "ines", "jürgen", "O'Neil", "kofi", "x")
LAST = ("smith", "müller", "okafor", "garcia", "nguyen", "de-vries", "rossi", "yilmaz", "brown")
DOMAINS = ("example.com", "mail.example.co.uk", "firma.de", "müller-söhne.de", "uni.example.edu", "x.io", "a-b.museum",
           "xn--mller-kva.de", "students.example.ac.jp")  # fmt: skip


def email(r: R) -> str:
    first, last = r.choice(FIRST), r.choice(LAST)
    local = r.choice([f"{first}.{last}", f"{first}_{last}", first, f"{first}{r.randint(1, 99)}", f"{first}+news",
                      f"{first[0]}.{last}", f"{first}-{last}", f"{first.upper()}.{last}"])  # fmt: skip
    return f"{local}@{r.choice(DOMAINS)}"


# --- telephone: N is 2 to 9, X any digit -----------------------------------------------------------
PHONES = (
    "+1 (NXX) NXX-XXXX", "+1-NXX-NXX-XXXX", "+1 NXX NXX XXXX", "+1NXXNXXXXXX", "(NXX) NXX-XXXX", "NXX-NXX-XXXX",
    "NXX.NXX.XXXX", "1-NXX-NXX-XXXX", "(NXX)NXX-XXXX",
    "+44 20 7NXX XXXX", "+44 7NXX XXXXXX", "020 7NXX XXXX", "07NXX XXXXXX", "01NXX XXXXXX", "+44 (0)20 7NXX XXXX",
    "+49 30 NXXXXXX", "+49 (0)30 NXXXXX", "+49 17N NXXXXXXX", "+4930NXXXXXX", "030 NXXXXXX", "030/NXXXXXX",
    "017N NXXXXXXX", "0049 30 NXXXXXX", "0NXX-NXXXXX",
    "+33 1 NX NX NX NX", "01 NX NX NX NX", "06.NX.NX.NX.NX", "06-NX-NX-NX-NX", "+33 6NXXXXXXX",
    "+34 6NX NXX XXX", "6NX NX NX NX", "+39 06 NXXXXXXX", "+39 33N NXXXXXX", "+31 6 NXXXXXXX", "06-NXXXXXXX",
    "+41 44 NXX NX NX", "044 NXX NX NX", "+43 1 NXXXXXX", "+46 8 NXX XXX XX", "+48 5NX XXX XXX",
    "+61 4NX XXX XXX", "04NX XXX XXX", "(02) NXXX XXXX", "+81 3-NXXX-XXXX", "03-NXXX-XXXX", "090-NXXX-XXXX",
    "+86 13N XXXX XXXX", "13N XXXX XXXX", "+91 9NXXX XXXXX", "9NXXX XXXXX", "+55 11 9NXXX-XXXX", "(11) 9NXXX-XXXX",
    "+52 55 NXXX XXXX", "+353 87 NXX XXXX", "+351 91N XXX XXX", "+972 5N-NXX-XXXX", "+971 50 NXX XXXX",
    "+65 9NXX XXXX", "+82 10-NXXX-XXXX", "+27 82 NXX XXXX", "+90 53N NXX XX XX", "+7 9NX NXX-XX-XX",
)  # fmt: skip
AFTER_A_WORD = (
    "phone: NXXNXXXXXX",
    "tel. 0NXNXXXXX",
    "call me at NXXNXXXXXX",
    "my mobile is 6NXNXXNXX",
    "Fax NXXXXXXX",
)


def _filled(r: R, form: str) -> str:
    return "".join(r.choice("23456789") if c == "N" else r.choice(string.digits) if c == "X" else c for c in form)


# --- IBAN: letters stand for the BBAN's structure, n digit, a capital letter, c either -------------
BBANS = {
    "DE": "n" * 18, "GB": "aaaa" + "n" * 14, "FR": "n" * 10 + "c" * 11 + "nn", "NL": "aaaa" + "n" * 10,
    "ES": "n" * 20, "IT": "a" + "n" * 10 + "c" * 12, "CH": "nnnnn" + "c" * 12, "NO": "n" * 11, "BE": "n" * 12,
    "AT": "n" * 16, "PL": "n" * 24, "SE": "n" * 20, "MT": "aaaa" + "n" * 5 + "c" * 18, "SA": "nn" + "c" * 18,
    "TR": "nnnnnn" + "c" * 16, "AE": "n" * 19, "BR": "n" * 23 + "ac", "GR": "n" * 7 + "c" * 16,
}  # fmt: skip


def iban(r: R, *, right: bool = True) -> str:
    country = r.choice(list(BBANS))
    kinds = {"n": string.digits, "a": string.ascii_uppercase, "c": string.digits}
    bban = "".join(r.choice(kinds[kind]) for kind in BBANS[country])
    number = "".join(str(string.digits.find(c)) if c.isdigit() else str(ord(c) - 55) for c in f"{bban}{country}00")
    check = 98 - int(number) % 97
    if not right:
        check = 2 + (check - 2 + r.randint(1, 96)) % 97
    whole = f"{country}{check:02d}{bban}"
    grouped = " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))
    return r.choice([whole, grouped, grouped, whole.lower() if right else whole])


# --- cards -----------------------------------------------------------------------------------------
ISSUERS = (
    ("4", 16), ("4", 16), ("51", 16), ("54", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15), ("6011", 16),
    ("65", 16), ("3528", 16), ("36", 14), ("62", 16), ("4", 13),
)  # fmt: skip


def _check_digit(body: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += doubled // 10 + doubled % 10
    return -total % 10


def card(r: R, *, right: bool = True) -> str:
    prefix, length = r.choice(ISSUERS)
    body = prefix + "".join(r.choices(string.digits, k=length - len(prefix) - 1))
    check = _check_digit(body)
    whole = body + str(check if right else (check + r.randint(1, 9)) % 10)
    sizes = {16: (4, 4, 4, 4), 15: (4, 6, 5), 14: (4, 6, 4)}.get(length)
    if sizes is None:
        return whole
    groups, at = [], 0
    for size in sizes:
        groups.append(whole[at : at + size])
        at += size
    return r.choice([whole, " ".join(groups), "-".join(groups)])


# --- addresses and secrets -------------------------------------------------------------------------
def ip(r: R) -> str:
    if r.random() < 0.6:
        return f"{r.choice([10, 52, 84, 172, 192, 203])}." + ".".join(str(r.randint(0, 255)) for _ in range(3))
    groups = [f"{r.randint(4096, 65535):x}" for _ in range(8)]
    return r.choice([":".join(groups), f"2001:db8::{groups[0]}:{groups[1]}", f"fe80::{':'.join(groups[:4])}"])


def _part(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


def _token(body: str) -> str:
    head, claims = json.dumps({"alg": "HS256"}), json.dumps({"sub": body[:20]})
    return f"{_part(head)}.{_part(claims)}.{body[:43]}"


def secret(r: R) -> str:
    body = f"{r.randint(0, 9)}{_word(r, LETTERS, 47)}"
    return r.choice(
        [
            f"sk-{body}", f"sk-proj-{body}", f"sk-ant-api03-{body}", f"AKIA{_word(r, string.ascii_uppercase, 16)}",
            f"AIza{_word(r, LETTERS, 35)}", f"ghp_{body[:36]}", f"github_pat_{body}",
            f"xoxb-{_digits(r, 11)}-{body[:24]}",
            f"sk_live_{body[:24]}", f"rk_test_{body[:24]}", f"hf_{body[:34]}", f"glpat-{body[:20]}",
            _token(body),
            f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n{body}\n-----END RSA PRIVATE KEY-----",
        ]
    )  # fmt: skip


def _password(r: R) -> str:
    return _word(r, LETTERS + "!-_", 12) + str(r.randint(0, 9)) + "x"


IN_PLACE: tuple[Callable[[R], tuple[str, str]], ...] = (
    lambda r: ("postgres://app:{}@db.example:5432/main", _password(r)),
    lambda r: ("https://api.example/v1?user=1&api_key={}&x=2", _password(r)),
    lambda r: ("Authorization: Bearer {}", f"{r.randint(0, 9)}{_word(r, LETTERS, 31)}"),
    lambda r: ("export DB_PASSWORD={}", _password(r)),
    lambda r: ("AWS_SECRET_ACCESS_KEY={}", _word(r, LETTERS, 39) + "7"),
    lambda r: ('client_secret: "{}"', _password(r)),
)

AROUND = (
    "{}", "Please use {}.", "It is {}, thanks!", "({})", "'{}'", "Contact: {}\nBye", "a, {}; b", "<b>{}</b>",
    "My details are {} and nothing else", "user said \"{}\" twice", "Rückfragen an {} – danke", "你好 {} 谢谢", "- {}",
)  # fmt: skip


# --- what merely looks like it ---------------------------------------------------------------------
def look_alikes(r: R) -> Iterator[tuple[str, str]]:
    """Yield (form, text) of every form once."""
    year, month, day = r.randint(2001, 2029), r.randint(1, 12), r.randint(1, 28)
    hour, minute, second = r.randint(0, 23), r.randint(0, 59), r.randint(0, 59)
    yield "iso time", f"{year}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{_digits(r, 6)}Z"
    yield "date and time", f"{day:02d}.{month:02d}.{year} {hour:02d}:{minute:02d}"
    yield "short date", f"{day:02d}.{month:02d}.{year % 100:02d}"
    yield "us date", f"{month:02d}/{day:02d}/{year} {hour % 12 + 1}:{minute:02d} PM"
    yield "dashed date", f"{day:02d}-{month:02d}-{year}"
    yield "compact date", f"{year}{month:02d}{day:02d}{hour:02d}{minute:02d}{second:02d}"
    for name, size in (("seconds", 9), ("milliseconds", 12), ("microseconds", 15), ("nanoseconds", 18)):
        yield f"epoch {name}", "1" + _digits(r, size, "567")
    yield "uuid", str(uuid.UUID(int=r.getrandbits(128), version=4))
    yield "sha", _word(r, "0123456789abcdef", 40)
    yield "response id", f"chatcmpl-{_word(r, LETTERS, 29)}"
    yield "tool call id", f"call_{_word(r, LETTERS, 24)}"
    yield "price", f"${r.randint(1, 999)},{_digits(r, 3)}.{_digits(r, 2)}"
    yield "price in millions", f"${r.randint(1, 99)},{_digits(r, 3)},{_digits(r, 3)}.{_digits(r, 2)}"
    yield "european price", f"{r.randint(1, 9)}.{_digits(r, 3)}.{_digits(r, 3)},{_digits(r, 2)} €"
    yield "spaced number", f"{r.randint(1, 9)} {_digits(r, 3)} {_digits(r, 3)} {_digits(r, 3)}"
    yield "price per token", f"0.{_digits(r, 9)} USD"
    yield "version", f"v{r.randint(1, 20)}.{r.randint(0, 20)}.{r.randint(0, 99)}.{r.randint(0, 99)}"
    yield "version in words", f"version {r.randint(1, 20)}.{r.randint(0, 20)}.{r.randint(0, 99)}.{r.randint(0, 9)}"
    yield "user agent", f"Chrome/{r.randint(90, 140)}.0.0.0 Safari/537.36"
    yield "package", f"react@{r.randint(1, 19)}.{r.randint(0, 9)}.{r.randint(0, 9)}-rc.next"
    yield "retina image", f"icon@{r.randint(2, 3)}x.png"
    yield "git remote", "git@github.com:acme/app.git"
    yield "handle", f"@{r.choice(FIRST[:5])}_{r.randint(1, 99)} on the forum"
    yield "decorator", "@pytest.mark.parametrize"
    yield "order", f"ORD-{year}-{_digits(r, 9)}"
    yield "invoice", f"INV-{_digits(r, 4)}-{_digits(r, 4)}"
    yield "order in groups", f"order 0{_digits(r, 3)} {_digits(r, 4)} {_digits(r, 4)} {_digits(r, 4)}"
    yield "ten digits", f"customer {_digits(r, 10, '123456789')}"
    yield "eight digits", f"ticket {_digits(r, 8, '123456789')}"
    yield "snowflake", "1" + _digits(r, 18)
    yield "card with a wrong digit", card(r, right=False)
    yield "iban with wrong digits", iban(r, right=False)
    yield "isbn", f"978-3-{_digits(r, 2)}-{_digits(r, 6)}-{_digits(r, 1)}"
    yield "tracking", f"1Z{_digits(r, 3)}AA1{_digits(r, 10)}"
    yield "coordinates", f"{r.randint(10, 80)}.{_digits(r, 6)}, {r.randint(10, 80)}.{_digits(r, 6)}"
    yield "vector", "[" + ", ".join(f"{r.uniform(-1, 1):.6f}" for _ in range(6)) + "]"
    yield "counts", f"input_tokens={_digits(r, 4)}, output_tokens={_digits(r, 3)}, total={_digits(r, 5)}"
    yield "row of numbers", " ".join(str(r.randint(10, 99)) for _ in range(6))
    yield "years", "2021 2022 2023 2024 2025 2026"
    yield "zip+4", f"{_digits(r, 5)}-{_digits(r, 4)}"
    yield "mac", ":".join(f"{r.randint(0, 255):02x}" for _ in range(6))
    yield "time", f"{hour:02d}:{minute:02d}:{second:02d}"
    yield "slice", f"rows[{r.randint(1, 9)}::{r.randint(2, 9)}]"
    yield "scope", "std::vector<int> a::b cafe::beef"
    yield "loopback", "127.0.0.1:8787 and ::1"
    yield "netmask", "255.255.255.0"
    yield "resolution", f"{r.randint(640, 3840)}x{r.randint(480, 2160)}"
    yield "phone words", "call the phone function with 3 arguments"
    yield "secret words", "the password: never share it, and keep the secret"
    yield "code", "api_key=os.environ['OPENAI_API_KEY'], password=get_password()"
    yield "bearer words", "Bearer authentication is required"
    yield "sk words", "sk-learn and sk-fading-circle-container are names"
    yield "token counts", f"max_tokens: {_digits(r, 4)}, token_count={_digits(r, 6)}"
    yield "section", f"section {r.randint(1, 9)}.{r.randint(1, 9)}.{r.randint(1, 9)}.{r.randint(1, 9)}"
    yield "range", f"{r.randint(100, 200)}-{r.randint(300, 400)}"
    yield "temperature", f"from -{r.randint(1, 20)}.5 to +{r.randint(21, 40)}.7 degrees"
    yield "bytes", "1073741824 bytes of 8589934592"


KINDS: dict[str, Callable[[R], str]] = {"email": email, "iban": iban, "card": card, "ip": ip, "secret": secret}


def corpus(seed: int, rounds: int) -> Iterator[Sample]:
    """Yield samples: each round every form of telephone number and look-alike, and as many of the other kinds."""
    r = random.Random(seed)
    for _ in range(rounds):
        for form in PHONES:
            yield _placed(r, "phone", form, _filled(r, form))
        for form in AFTER_A_WORD:
            at = next(index for index, c in enumerate(form) if c in "NX0")
            at = form.index(form.rpartition(" ")[2])
            text = _filled(r, form)
            yield Sample("phone", form, text, text[:at] + "[PHONE]")
        for kind, make in KINDS.items():
            for _ in range(20):
                yield _placed(r, kind, kind, make(r))
        for make_place in IN_PLACE:
            place, value = make_place(r)
            yield Sample("secret", place, place.format(value), place.format("[SECRET]"))
        for form, text in look_alikes(r):
            sample = r.choice(AROUND).format(text)
            yield Sample(None, form, sample, sample)


def _placed(r: R, kind: str, form: str, value: str) -> Sample:
    around = r.choice(AROUND)
    return Sample(kind, form, around.format(value), around.format(f"[{kind.upper()}]"))
