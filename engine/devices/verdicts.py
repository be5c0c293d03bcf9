"""Verdicts: what an OpenCL driver was seen to do with our kernels, kept in a file per device and driver."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from engine import jsonfile
from kernels.op import GpuLowering, GpuStep


def program_key(step: GpuStep) -> str:
    """What tells a step's program from all others."""
    return _digest([step.source, step.kernel, step.defines])


def lowering_key(lowering: GpuLowering) -> str:
    """What tells a lowering from all others, but for the constants' values."""
    return _digest([[program_key(s), s.numbers, s.global_size, s.local_size] for s in lowering.steps])


def _digest(content: Any) -> str:
    return sha256(json.dumps(content).encode()).hexdigest()[:16]


class Verdicts:
    """Lowerings that passed, and lowerings and programs that failed, each with the reason."""

    def __init__(self, device: str, driver: str, folder: Path | None = None) -> None:
        name = jsonfile.name_for(device, driver)
        self.path = (folder or user_data_path("hetero") / "verdicts") / f"{name}.json"
        self._content: dict[str, Any] = {"device": device, "driver": driver, "passed": [], "failed": {}}
        self._content |= jsonfile.load(self.path)

    def passed(self, lowering: GpuLowering) -> bool:
        """Whether it ran here before and was right."""
        return lowering_key(lowering) in self._content["passed"]

    def failed(self, lowering: GpuLowering) -> str | None:
        """Why it must not be run again, None where nothing is known against it."""
        failed: dict[str, str] = self._content["failed"]
        if not failed:
            return None
        keys = [lowering_key(lowering), *map(program_key, lowering.steps)]
        return next((failed[key] for key in keys if key in failed), None)

    def passes(self, lowering: GpuLowering) -> None:
        """Keep that it ran and was right."""
        self._content["passed"].append(lowering_key(lowering))
        self._save()

    def fails(self, key: str, reason: str) -> None:
        """Keep why a lowering or a program is to be avoided."""
        self._content["failed"][key] = reason
        self._save()

    def _save(self) -> None:
        jsonfile.save(self.path, self._content)
