"""Plan: where every operator runs and which frames run how: the narrow waist, JSON both ways."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from hetero.explanation import explained

VERSION = 3
_SHOWN = 3  # operators named in an error before "and n more"


class PlanError(ValueError):
    """A plan that contradicts itself, cannot be read, or does not fit the model or the machine."""


@dataclass(frozen=True)
class Plan:
    """One decision, complete: what was decided before it is here, what comes after it obeys.

    name        how tables call it
    strategy    the strategy that made it
    model       sha256 of the model, in hex
    devices     device key ("cpu", "gpu") -> the device's name as shown to users
    threads     CPU threads, None for all the process may use
    streams     frames that the CPU computes at once, its threads divided among them
    batch       frames that are gathered and run together, as one to all that follows but times, which are per frame
    placements  one or more complete placements, each operator name -> device key
    schedule    frame i uses placements[schedule[i % len(schedule)]]
    predicted   seconds per frame in the steady state, None where nothing was measured
    bound       seconds per frame that no plan can undercut, None where not computed
    measured    seconds per frame when the plan was chosen, None where it was not tried
    depth       frames in flight that it was found to need, None where nobody looked
    costs       operator -> device key -> seconds, for `explain`; may be empty
    prices      operator -> device key -> seconds per frame that moving it there would add; may be empty

    Raises PlanError where the fields contradict each other.
    """

    name: str
    strategy: str
    model: str
    devices: Mapping[str, str]
    threads: int | None
    placements: tuple[Mapping[str, str], ...]
    schedule: tuple[int, ...] = (0,)
    streams: int = 1
    batch: int = 1
    predicted: float | None = None
    bound: float | None = None
    measured: float | None = None
    depth: int | None = None
    costs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    prices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # own copies, of plain dicts: a plan does not change under its reader
        object.__setattr__(self, "devices", dict(self.devices))
        object.__setattr__(self, "costs", {operator: dict(cost) for operator, cost in self.costs.items()})
        object.__setattr__(self, "prices", {operator: dict(price) for operator, price in self.prices.items()})
        object.__setattr__(self, "placements", tuple(map(dict, self.placements)))
        object.__setattr__(self, "schedule", tuple(self.schedule))
        if not self.placements:
            raise PlanError(f"plan {self.name!r} has no placement")
        first = self.placements[0].keys()
        for number, placement in enumerate(self.placements):
            if placement.keys() != first:
                odd = sorted(placement.keys() ^ first)
                raise PlanError(f"plan {self.name!r}: placements 0 and {number} differ in {_some(odd)}")
            for operator, device in placement.items():
                if device not in self.devices:
                    raise PlanError(
                        f"plan {self.name!r} puts {operator!r} on the unknown device {device!r};"
                        f" its devices: {', '.join(self.devices) or 'none'}"
                    )
        for name in ("streams", "batch"):
            if getattr(self, name) < 1:
                raise PlanError(f"plan {self.name!r} has {name} {getattr(self, name)}, expected 1 or more")
        if self.depth is not None and self.depth < 1:
            raise PlanError(f"plan {self.name!r} has {self.depth} frames in flight")
        if not self.schedule:
            raise PlanError(f"plan {self.name!r} has an empty schedule")
        for entry in self.schedule:
            if not 0 <= entry < len(self.placements):
                raise PlanError(
                    f"plan {self.name!r}: its schedule asks for placement {entry} of {len(self.placements)}"
                )

    def check(self, operators: Collection[str], devices: Collection[str], model: str) -> None:
        """Raise PlanError unless the plan fits: same operators, same model, its devices all here.

        `operators` are the network's operator names, `devices` the device keys of this machine,
        `model` the sha256 of the model in hex.
        """
        reasons = []
        placed = self.placements[0].keys()
        missing = [operator for operator in operators if operator not in placed]
        extra = [operator for operator in placed if operator not in set(operators)]
        if missing:
            reasons.append(f"it does not place {_some(missing)}")
        if extra:
            reasons.append(f"it places {_some(extra)}, which the model does not have")
        if self.model != model:
            reasons.append(f"it was made for model {self.model}, this is {model}")
        absent = sorted(self.used - set(devices))
        if absent:
            reasons.append(f"it needs {_some(absent)}, this machine has {_some(sorted(devices)) or 'no device'}")
        if reasons:
            raise PlanError(f"plan {self.name!r} does not fit: " + "; ".join(reasons))

    def same(self, other: Plan) -> bool:
        """Whether another plan deals the same frames to the same placements."""
        return (self.placements, self.schedule) == (other.placements, other.schedule)

    @property
    def slots(self) -> int:
        """Frames in flight: `depth`, or where nobody looked, as many as keep every device busy.

        That is one at work for each device and stream, and one waiting for each device.
        """
        return self.depth or max(1, 2 * len(self.used) + ("cpu" in self.used) * (self.streams - 1))

    @property
    def used(self) -> set[str]:
        """Keys of the devices that its operators run on."""
        return {device for placement in self.placements for device in placement.values()}

    def rounds(self, frames: int) -> int:
        """So many frames or a few more: the next whole number of the schedule's rounds."""
        length = len(self.schedule) * self.batch
        return -(-frames // length) * length

    @property
    def gap(self) -> float | None:
        """By what part the prediction is above the bound; None where either is unknown, or the bound is zero."""
        return self.predicted / self.bound - 1 if self.predicted is not None and self.bound else None

    def to_json(self) -> str:
        """The plan as text, readable and editable by hand."""
        return json.dumps({"version": VERSION, **asdict(self)}, indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The plan in a text. Raises PlanError with what was found and what was expected."""
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise PlanError(f"not a plan: not JSON: {error}") from None
        if not isinstance(data, dict):
            raise PlanError(f"not a plan: expected a JSON object, found {type(data).__name__}")
        version = data.pop("version", None)
        if version != VERSION:
            raise PlanError(f"plan version {version!r}, this program reads version {VERSION}")
        names = {each.name for each in fields(cls)}
        missing, unknown = sorted(names - data.keys()), sorted(data.keys() - names)
        if missing or unknown:
            raise PlanError(
                f"not a plan: keys missing: {_some(missing) or 'none'}; unknown: {_some(unknown) or 'none'}"
            )
        for key, (fits, expected) in _KINDS.items():
            if not fits(data[key]):
                raise PlanError(f"not a plan: {key} must be {expected}, found {json.dumps(data[key])[:60]}")
        return cls(**data)

    def save(self, path: str | Path) -> None:
        """Write the plan to a file."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Read a plan from a file. Raises OSError, or PlanError naming the file."""
        try:
            return cls.from_json(Path(path).read_text(encoding="utf-8"))
        except (PlanError, UnicodeDecodeError) as error:
            raise PlanError(f"{path}: {error}") from error

    def explain(self) -> str:
        """A text: what is predicted, proven and measured; what runs where, what it costs and what moving it would."""
        return explained(self)


def _some(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:_SHOWN]))
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return (_whole(value) or isinstance(value, float)) and math.isfinite(value)


def _seconds(value: Any) -> bool:
    return _number(value) and value >= 0


def _object(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(fits, value.values()))


def _list(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _maybe(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_text, "text"),
    "strategy": (_text, "text"),
    "model": (_text, "text"),
    "devices": (_object(_text), "an object of device key: name"),
    "threads": (_maybe(_whole), "a whole number or null"),
    "placements": (_list(_object(_text)), "a list of objects of operator: device key"),
    "schedule": (_list(_whole), "a list of whole numbers"),
    "streams": (_whole, "a whole number"),
    "batch": (_whole, "a whole number"),
    "predicted": (_maybe(_seconds), "seconds or null"),
    "bound": (_maybe(_seconds), "seconds or null"),
    "measured": (_maybe(_seconds), "seconds or null"),
    "depth": (_maybe(_whole), "a whole number or null"),
    "costs": (_object(_object(_seconds)), "an object of operator: {device key: seconds}"),
    "prices": (_object(_object(_number)), "an object of operator: {device key: seconds}"),
}
