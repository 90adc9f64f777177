"""What every figure shares. Colours of text, grid and hover come from the page's CSS, so figures carry no theme."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

Figure = dict[str, Any]

PALETTE = ("#4c78f0", "#2fb5a0", "#f0a63a", "#d8618a", "#8b6fe0", "#5aa13c")
OTHER = "#7a8699"
# The stylesheet looks for exactly this colour and replaces it by the theme's.
PRIOR = "rgb(27, 34, 48)"
ERROR = "#d8532c"

# One line wherever that is enough; the second line of the second form appears where the day changes.
TICKS = [
    {"dtickrange": [None, 59_999], "value": "%H:%M:%S"},
    {"dtickrange": [60_000, 86_399_999], "value": "%H:%M\n%-d %b"},
    {"dtickrange": [86_400_000, "M1"], "value": "%-d %b"},
    {"dtickrange": ["M1", None], "value": "%b %Y"},
]

CONFIG: Any = {
    "showSendToCloud": False,
    "displayModeBar": False,
    "displayNotifier": False,
    "responsive": True,
    "doubleClick": False,
}


def colour(rank: int) -> str:
    """The colour of the n-th series; beyond the palette the grey that stands for the rest."""
    return PALETTE[rank] if rank < len(PALETTE) else OTHER


def layout(**changes: Any) -> dict[str, Any]:
    """A transparent layout of one panel; `changes` are merged into it, axes key by key."""
    base: dict[str, Any] = {
        "margin": {"l": 48, "r": 10, "t": 8, "b": 26},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "Inter, system-ui, sans-serif", "size": 11, "color": "#7d8798"},
        "hovermode": "x unified",
        "showlegend": False,
        "hoverlabel": {"font": {"size": 12}, "namelength": 28},
        "dragmode": "zoom",
        "uirevision": "kept",
        "separators": ".,",
        "xaxis": {
            "type": "date",
            "showgrid": False,
            "zeroline": False,
            "showspikes": True,
            "spikemode": "across",
            "spikethickness": 1,
            "spikedash": "solid",
            "spikesnap": "cursor",
            "automargin": False,
            "tickformatstops": TICKS,
        },
        "yaxis": {"gridcolor": "rgba(128,140,160,.18)", "zeroline": False, "nticks": 5, "fixedrange": True},
    }
    for key, value in changes.items():
        base[key] = base[key] | value if isinstance(base.get(key), dict) and isinstance(value, dict) else value
    return base


def times(starts: Sequence[datetime]) -> list[str]:
    """Wall-clock times of the reader's zone, as Plotly takes them: it knows no zones itself."""
    return [start.strftime("%Y-%m-%dT%H:%M:%S") for start in starts]


def translucent(colour: str, alpha: str = "b0") -> str:
    """A hex colour with an alpha part."""
    return colour + alpha
