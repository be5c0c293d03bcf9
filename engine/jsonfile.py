"""Files that survive what happens to files: written whole or not at all; damaged JSON is as good as none."""

from __future__ import annotations

import json
import os
import re
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any


def load(path: Path) -> dict[str, Any]:
    """The file's object; empty where there is no file, or none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def save(path: Path, content: dict[str, Any]) -> None:
    """Write the file at once: readers see the old one or the new one."""
    write(path, (json.dumps(content, indent=1) + "\n").encode())


def write(path: Path, content: bytes) -> None:
    """Bytes into a file, at once, its folder made where needed. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def name_for(*texts: str) -> str:
    """A file's name that can be read, different for different texts."""
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(texts)).strip("-.")[:60]
    return f"{readable}-{sha256(chr(0).join(texts).encode()).hexdigest()[:8]}"
