"""The ways to run a network that tests go through: CPU alone, GPU alone, and both in turns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hetero import Plan, Session
from hetero.machine import devices

GPU = any(device.kind == "gpu" for device in devices())
WAYS = ["cpu", *(["gpu", "both"] if GPU else [])]


def session(model: Any, way: str) -> Session:
    """A session of one CPU thread; "both" hands the frame over and back all along the network."""
    if way != "both":
        return Session(model, way, threads=1)
    with Session(model, "gpu", threads=1) as whole:
        return Session(model, "cpu+gpu", plan=alternate(whole.plan))


def alternate(plan: Plan, run: int = 7) -> Plan:
    """The plan with every other stretch of operators taken to the CPU."""
    operators = plan.placements[0].items()
    placement = {name: "cpu" if i // run % 2 else key for i, (name, key) in enumerate(operators)}
    return replace(plan, name="both", placements=(placement,))
