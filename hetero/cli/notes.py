"""Notes: what the library logs while a command runs, one line each on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def noted() -> Iterator[None]:
    """Shows the library's log from level INFO up."""
    logger = logging.getLogger("hetero")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("hetero: %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
