"""Fresh costs: what is measured and decided within is neither taken from another moment nor kept for one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from unittest import mock


@contextmanager
def fresh_costs() -> Iterator[None]:
    """Costs and decisions lie in a folder of their own, and go with it."""
    with TemporaryDirectory() as folder, mock.patch.dict("os.environ", HETERO_COSTS=folder):
        yield
