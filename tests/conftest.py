"""What all tests share: where the test data lies, and which devices there are to test on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real models, photos and a video; skips where it is absent."""
    folder = Path(os.environ.get("HETERO_TEST_DATA", ROOT / ".." / "shared" / "data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}; set HETERO_TEST_DATA")
    return folder


@pytest.fixture
def random() -> np.random.Generator:
    """Seeded random numbers."""
    return np.random.default_rng(7)


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Tests marked `gpu` need a real one."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked:
        from hetero.machine import devices

        if not any(device.kind == "gpu" and not device.emulated for device in devices()):
            skip = pytest.mark.skip(reason="no real GPU on this machine")
            for item in marked:
                item.add_marker(skip)
