"""What the dashboard says when it cannot answer.

DashboardError
└── BadView     the URL asks for something that cannot be
"""

from __future__ import annotations


class DashboardError(Exception):
    """Base of every error this package raises."""


class BadView(DashboardError):
    """A parameter of the URL makes no sense; the message names it."""
