"""Tables of the docs that scripts write: what stands between `<!-- begin NAME -->` and `<!-- end NAME -->`."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


def renew(page: Path, name: str, text: str) -> None:
    """Put `text` between the marks of `name`. Exits with a message where the page lacks them."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    whole = page.read_text(encoding="utf-8")
    if begin not in whole or end not in whole:
        raise SystemExit(f"{page} lacks the marks {begin!r} and {end!r}: put them where the table belongs")
    head, _, rest = whole.partition(begin)
    page.write_text(f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}", encoding="utf-8")


def current(page: Path, name: str) -> str:
    """What stands there now."""
    rest = page.read_text(encoding="utf-8").partition(f"<!-- begin {name} -->")[2]
    return rest.partition(f"<!-- end {name} -->")[0].strip()
