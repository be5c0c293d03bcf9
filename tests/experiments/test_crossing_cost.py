"""Every way of a crossing brings the bytes over, and one that does not is noticed."""

from __future__ import annotations

import pytest

from engine.devices.discover import opencl_devices
from experiments.crossing_cost.main import Measurement, Wrong, measure
from experiments.crossing_cost.ways import WAYS, Copied

pytestmark = pytest.mark.skipif(not opencl_devices(), reason="no OpenCL device")


@pytest.mark.parametrize("name", WAYS)
def test_bytes_arrive(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.crossing_cost.main.SECONDS", 0.0)
    row = measure(opencl_devices()[0], name, 1 << 16)
    if "failed" in row:
        assert "svm" in name
        assert "offers no such" in row["failed"]
    else:
        assert row["runs"] >= 5


@pytest.mark.parametrize("direction", ["up", "down"])
def test_bytes_that_do_not_arrive(direction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    measurement = Measurement(Copied(opencl_devices()[0], 1 << 16))
    measurement.run()
    monkeypatch.setattr(Copied, direction, lambda self: None)
    with pytest.raises(Wrong, match="16 of 16 pages"):
        measurement.run()
