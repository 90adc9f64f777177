"""What a forecaster takes for granted about series of one grain: seasons, memory, and how it groups horizons.

DAY.seasons      # (7,): a week
HOUR.seasons     # (24, 168): a day and a week
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Grain:
    """The grain of series; all lengths are in its steps.

    | field | |
    |---|---|
    | seasons | lengths of the seasons, ascending, each a multiple of the one before |
    | window | how far back a fit looks |
    | half_lives | of the levels among the candidates |
    | trends | half-life and damping per step of the candidates with a trend |
    | memory | half-life with which seasonal profiles forget |
    | groups | horizons at which candidates are weighted anew: the first group ends with the first, and so on |
    | steps | horizons at which residuals are gathered for intervals |
    | recency | half-life of residuals |
    """

    name: str
    seasons: tuple[int, ...]
    window: int
    half_lives: tuple[float, ...]
    trends: tuple[tuple[float, float], ...]
    memory: float
    groups: tuple[int, ...]
    steps: tuple[int, ...]
    recency: float

    @property
    def season(self) -> int:
        """The longest season."""
        return self.seasons[-1]


DAY: Final = Grain(
    name="day",
    seasons=(7,),
    window=182,
    half_lives=(1.5, 4.0, 10.0, 28.0, 90.0),
    trends=((14.0, 0.95), (42.0, 0.985)),
    memory=140.0,
    groups=(3, 10, 31),
    steps=(1, 2, 4, 7, 14, 28, 60, 90, 180, 400),
    recency=120.0,
)
HOUR: Final = Grain(
    name="hour",
    seasons=(24, 168),
    window=1344,
    half_lives=(2.0, 8.0, 24.0, 96.0, 336.0),
    trends=((168.0, 0.995),),
    memory=1344.0,
    groups=(2, 8, 30),
    steps=(1, 2, 4, 8, 16, 30, 60, 100, 168, 400, 1000),
    recency=672.0,
)
