"""Depth: a candidate's rows hold what was measured beside what was simulated."""

from __future__ import annotations

import pytest

from engine.devices.discover import opencl_devices
from experiments.depth.main import Candidate
from hetero.outlook import Outlook
from tests.hetero import branches


@pytest.mark.skipif(not opencl_devices(), reason="no OpenCL device")
def test_a_row() -> None:
    outlook = Outlook.of(branches.build(), "cpu+gpu", 1)
    candidate = Candidate(outlook, outlook.plan("interleave"), 3, 0.01)
    for _ in range(3):
        candidate.measure()
    row = candidate.row()
    assert row["depth"] == 3
    assert 0 < row["measured"]["latency_p50"] <= row["measured"]["latency_p95"]
    assert row["measured"]["fps"] > 0
    assert row["simulated"].keys() == {"fps", "latency"}
