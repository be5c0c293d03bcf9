"""Store: costs, and the plans that trials decided for, on disk, so that a second start neither measures nor tries."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from platformdirs import user_cache_path

from engine import jsonfile
from engine.devices.device import Device
from engine.graph import Graph
from hetero.costs.costs import Costs
from hetero.costs.measure import measure
from hetero.plan import Plan

VERSION = 5  # of what is measured and how; what another version measured is measured again
Key = Mapping[str, Any]
T = TypeVar("T")


def key(graph: Graph, model: str, devices: Mapping[str, Device]) -> Key:
    """What costs depend on: the model (sha256 in hex), its inputs' shapes, the devices, their drivers and threads."""
    return {
        "version": VERSION,
        "model": model,
        "inputs": {name: list(graph.spec(name).shape) for name in graph.inputs},
        "devices": {name: _described(device) for name, device in devices.items()},
    }


def costs(graph: Graph, model: str, devices: Mapping[str, Device]) -> Costs:
    """The costs from disk if they were measured before; otherwise they are measured now, and kept."""
    known = key(graph, model, devices)
    found = kept_costs(known)
    if found is None or set(found.busy) != {node.name for node in graph.nodes}:
        found = measure(graph, devices)
        keep_costs(known, found)
    return found


def kept_costs(known: Key) -> Costs | None:
    """The costs on disk, None where there are none."""
    return _load("costs", known, Costs.from_record)


def keep_costs(known: Key, found: Costs) -> None:
    """Keep costs for the next start."""
    _save("costs", known, found.to_record())


def decision(known: Key) -> Plan | None:
    """The plan that was decided for, None where there is none."""
    return _load("plan", known, lambda text: Plan.from_json(str(text)))


def keep_decision(known: Key, plan: Plan) -> None:
    """Keep a plan for the next start."""
    _save("plan", known, plan.to_json())


def forget(model: str) -> None:
    """Have everything about a model measured and decided again."""
    for path in _folder().glob(f"{model[:_SHOWN]}-*.json"):
        path.unlink(missing_ok=True)


_SHOWN = 16  # digits of a model's hash in names of files


def _folder() -> Path:
    """Where they are kept: HETERO_COSTS in the environment names another folder."""
    return Path(os.environ.get("HETERO_COSTS") or user_cache_path("hetero") / "costs")


def _file(kind: str, known: Key) -> Path:
    text = json.dumps(known)
    return _folder() / f"{known['model'][:_SHOWN]}-{kind}-{sha256(text.encode()).hexdigest()[:16]}.json"


def _load(kind: str, known: Key, read: Callable[[Any], T]) -> T | None:
    """What a file holds, None where it is absent, damaged, or of something else."""
    kept = jsonfile.load(_file(kind, known))
    try:
        return read(kept[kind]) if kept["key"] == known else None
    except (LookupError, TypeError, ValueError, AttributeError):
        return None


def _save(kind: str, known: Key, content: Any) -> None:
    with suppress(OSError):  # then it is measured again
        jsonfile.save(_file(kind, known), {"key": known, kind: content})


def _described(device: Device) -> dict[str, Any]:
    return {
        "name": device.name,
        "driver": device.driver,
        "threads": getattr(device, "threads", None),
        "streams": device.streams,
    }
