"""What cannot be computed from what was given.

ValueError
└── BadInput      the message names the value and what to give instead
"""

from __future__ import annotations


class BadInput(ValueError):
    """An argument that no answer can be computed from."""
