"""Downloads: exact, and of what the page shows."""

from __future__ import annotations

from fastapi import FastAPI


def register(server: FastAPI, data: object) -> None:
    pass
