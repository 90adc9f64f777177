"""What a copy of data says of itself: written last, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write(path: Path, manifest: Mapping[str, Any]) -> None:
    """Write it as JSON: once this returns it is on disk, and until then there is what was there before."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
