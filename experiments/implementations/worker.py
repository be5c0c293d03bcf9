"""Runs single cases of operators on one OpenCL device, as it is asked on stdin: a driver may end this process.

`python -m experiments.implementations.worker NUMBER`: a request is {"op", "case", "kernels"}, the answer
{"result": largest error relative to the largest number} or {"error": text}. What Oclgrind writes to OCLGRIND_LOG is an
error as well.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.devices.child import Child
from engine.devices.discover import opencl_devices
from engine.devices.guard import Guard
from engine.devices.verdicts import Verdicts
from engine.reference import truth
from hetero import Session
from kernels.ops import operators
from tests.models import of_case


def error_of(number: int, asked: Mapping[str, Any]) -> float:
    """How far the case is off on the device. Raises RuntimeError where the device did not run it."""
    device = opencl_devices()[number]
    device.target = replace(device.target, simt=asked["kernels"] == "GPU", tunings={})
    with tempfile.TemporaryDirectory() as folder:  # whatever was seen of this driver before, this is about now
        device.guard = Guard(device, Verdicts(device.name, device.driver, Path(folder)), Child(), known=True)
        case = operators()[asked["op"]].cases[asked["case"]]
        proto, frame = of_case(asked["op"], case, np.random.default_rng(7))
        with Session(proto, f"gpu:{number}", threads=1) as session:  # no strategy: nothing is measured
            if set(session.plan.placements[0].values()) - {"gpu"}:
                raise RuntimeError("no kernel")
            got = session(frame)["y"]
    want = truth(proto, frame)["y"]
    if got.shape != want.shape or got.dtype != want.dtype:
        raise RuntimeError(f"gave {got.dtype}{got.shape} for {want.dtype}{want.shape}")
    if not got.size:
        return 0.0
    off = np.abs(got.astype(np.float64) - want).max() / max(1.0, float(np.abs(want).max()))
    return float(off) if np.isfinite(off) else 1.0


def complaints() -> str:
    """All that Oclgrind has written so far."""
    log = Path(os.environ.get("OCLGRIND_LOG", os.devnull))
    return log.read_text() if log.is_file() else ""


def main() -> None:
    """Answer until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        before = len(complaints())
        try:
            answer: dict[str, Any] = {"result": error_of(int(sys.argv[1]), json.loads(line))}
            if found := complaints()[before:]:
                answer = {"error": " ".join(found.split())[:300]}
        except Exception as error:  # whatever a driver makes of it belongs in the table
            answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
