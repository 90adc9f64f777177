"""Token usage as buckets that never overlap, so that each token is counted and priced once.

| bucket | holds |
|---|---|
| input_tokens | input that was neither read from nor written to a provider's cache |
| cache_read_tokens | input read from the cache |
| cache_write_tokens | input written to the cache |
| output_tokens | output without reasoning |
| reasoning_tokens | output spent on reasoning |
| other | further disjoint buckets by genai-prices unit, e.g. `input_audio_tokens`, `web_searches` |

Unknown is None, not 0: to report no cache reads is something else than to be silent about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


def _is_input(unit: str) -> bool:
    return unit.endswith("_tokens") and unit.startswith(("input_", "cache_"))


def _is_output(unit: str) -> bool:
    return unit.endswith("_tokens") and unit.startswith("output_")


@dataclass(frozen=True, slots=True)
class Usage:
    """Disjoint token buckets of one call; every bucket is a non-negative int or None for unknown."""

    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    # A plain dict (to be treated as read-only) because usages are pickled between processes.
    other: Mapping[str, int] = field(default_factory=dict[str, int], hash=False)

    @property
    def total_input(self) -> int | None:
        """All input tokens, cached and of other modalities included; None if none is known."""
        parts = [self.input_tokens, self.cache_read_tokens, self.cache_write_tokens]
        if self.other:
            parts += [count for unit, count in self.other.items() if _is_input(unit)]
        known = [part for part in parts if part is not None]
        return sum(known) if known else None

    @property
    def total_output(self) -> int | None:
        """All output tokens, reasoning and other modalities included; None if none is known."""
        parts = [self.output_tokens, self.reasoning_tokens]
        if self.other:
            parts += [count for unit, count in self.other.items() if _is_output(unit)]
        known = [part for part in parts if part is not None]
        return sum(known) if known else None

    @property
    def is_empty(self) -> bool:
        """True if nothing at all is known."""
        return (
            self.input_tokens is None
            and self.cache_read_tokens is None
            and self.cache_write_tokens is None
            and self.output_tokens is None
            and self.reasoning_tokens is None
            and not self.other
        )

    @classmethod
    def from_inclusive(
        cls,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cache_read_tokens: int | None = None,
        cache_write_tokens: int | None = None,
        reasoning_tokens: int | None = None,
        other: Mapping[str, int] | None = None,
    ) -> Usage:
        """Return disjoint buckets for counts in which input includes cache and output includes reasoning.

        `other` holds disjoint parts too (`input_audio_tokens` of `input_tokens`, `output_image_tokens` of
        `output_tokens`, ...). Where the parts of a whole exceed it, its emitter counted without them, and the
        whole is taken as exclusive already. No bucket becomes negative: a negative count is unknown.
        """
        if cache_read_tokens is None and cache_write_tokens is None and reasoning_tokens is None and not other:
            return cls(_known(input_tokens), None, None, _known(output_tokens))  # on the path of every plain call
        extra = {unit: count for unit, count in (other or {}).items() if count >= 0}
        cache_read, cache_write = _known(cache_read_tokens), _known(cache_write_tokens)
        reasoning = _known(reasoning_tokens)
        return cls(
            input_tokens=_remainder(
                _known(input_tokens),
                (cache_read or 0) + (cache_write or 0) + sum(count for unit, count in extra.items() if _is_input(unit)),
            ),
            cache_read_tokens=cache_read,
            cache_write_tokens=cache_write,
            output_tokens=_remainder(
                _known(output_tokens),
                (reasoning or 0) + sum(count for unit, count in extra.items() if _is_output(unit)),
            ),
            reasoning_tokens=reasoning,
            other=extra,
        )


def _known(count: int | None) -> int | None:
    return None if count is None or count < 0 else count


def _remainder(whole: int | None, parts: int) -> int | None:
    if whole is None or parts > whole:
        return whole
    return whole - parts
