"""Debug: whether this process checks what is too dear to check always."""

from __future__ import annotations

import os


def debugging() -> bool:
    """Whether HETERO_DEBUG is set in the environment, to anything but 0."""
    return os.environ.get("HETERO_DEBUG", "0") not in ("", "0")
