"""Store: tuned choices in small JSON files, one a device and driver: the user's own, and those that ship.

    {"device": …, "driver": …, "spaces": {space: {"digest": …, "problems": {problem:
        {"choice": {tunable: value}, "microseconds": …, "default_microseconds": …}}}}}

In a file that ships, device and driver are patterns in which * stands for anything. Choices measured with another text
of the template, which its digest shows, are out of date and not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from engine import jsonfile
from kernels.space import Choice
from kernels.spaces import spaces

SHIPPED = Path(__file__).parent / "shipped"
Key = tuple[str, str]  # space and problem


@dataclass(frozen=True)
class Tuned:
    """What was chosen for a problem, and the seconds it took beside the default's; winners are faster together."""

    choice: Choice
    seconds: float
    default_seconds: float


def user_file(device: str, driver: str) -> Path:
    """Where a device's own tunings are kept."""
    return user_data_path("hetero") / "tunings" / f"{jsonfile.name_for(device, driver)}.json"


def tunings(device: str, driver: str) -> dict[Key, Choice]:
    """Choices for a device: its own before those that ship for its like."""
    found: dict[Key, Choice] = {}
    for path in [*sorted(SHIPPED.glob("*.json")), user_file(device, driver)]:
        content = jsonfile.load(path)
        patterns = str(content.get("device", "")), str(content.get("driver", ""))
        own = patterns == (device, driver)
        if own or (fnmatchcase(device, patterns[0]) and fnmatchcase(driver, patterns[1])):
            found |= _choices(content)
    return found


def _choices(content: Mapping[str, Any]) -> dict[Key, Choice]:
    """The choices of a file that are up to date; whether one fits is seen when it is asked for."""
    found: dict[Key, Choice] = {}
    for name, part in content.get("spaces", {}).items():
        if name not in spaces() or part.get("digest") != spaces()[name].digest:
            continue
        for problem, entry in part["problems"].items():
            found[name, problem] = entry["choice"]
    return found


def keep(path: Path, device: str, driver: str, tuned: Mapping[Key, Tuned]) -> None:
    """Add choices to a file, in place of what it holds for the same problems."""
    content = {"spaces": {}} | jsonfile.load(path) | {"device": device, "driver": driver}
    for (name, problem), entry in tuned.items():
        digest = spaces()[name].digest
        part = content["spaces"].get(name, {})
        if part.get("digest") != digest:
            part = {"digest": digest, "problems": {}}
        part["problems"][problem] = {
            "choice": dict(entry.choice),
            "microseconds": round(entry.seconds * 1e6, 2),
            "default_microseconds": round(entry.default_seconds * 1e6, 2),
        }
        content["spaces"][name] = part
    jsonfile.save(path, content)
