"""What all tests share: where the test data lies, and which devices there are to test on."""

from __future__ import annotations

import os
from collections.abc import Iterator
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


@pytest.fixture(scope="session", autouse=True)
def _no_tunings_of_this_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What somebody tuned or saw fail on this machine has no say in the tests, nor in the processes they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        patch.setenv("HETERO_COSTS", str(tmp_path_factory.mktemp("costs")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _checked() -> Iterator[None]:
    """Whoever touches shared memory out of turn fails, in every test and in the processes they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HETERO_DEBUG", "1")
        yield


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
