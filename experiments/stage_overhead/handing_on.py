"""What handing frames on takes: a pipeline of stages that only sleep, as machine code and as Python; writes JSON."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator"
from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import repeat
from pathlib import Path
from statistics import median
from typing import Any

from engine.devices.command import Command, DriverError
from engine.devices.native import native
from hetero.pace import pace
from hetero.pipeline.line import Line
from hetero.pipeline.pipeline import Pipeline
from hetero.pipeline.post import Post
from hetero.pipeline.stage import Stage
from hetero.report import machine
from kernels.cpu.compiler import intrinsic, ir, types
from kernels.cpu.record import integers
from kernels.cpu.vector import call_ir

RESULT = Path(__file__).parent / "handing-on.json"
STAGES = (1, 2, 3, 5)
FRAMES = 3000


@intrinsic
def _usleep(typing, microseconds):
    """Sleep, by the C library."""

    def codegen(context, builder, signature, arguments):
        i32 = ir.IntType(32)
        call_ir(builder, "usleep", i32, [builder.trunc(arguments[0], i32)])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@native("int64(int64)")
def _pause(words):
    _usleep(integers(words)[0])
    return 0


class Sleeping(Stage):
    """Sleeps for so many microseconds, the interpreter's lock let go of; `bare` is without it altogether."""

    def __init__(self, device: str, microseconds: int, bare: bool) -> None:
        self.device, self._bare = device, bare
        self._pause = Command(_pause, (microseconds,), DriverError)

    def start(self, slot: Any) -> None:
        """Sleep."""
        self._pause.run()

    def finish(self, slot: Any) -> None:
        """Nothing is left to do."""

    def commands(self, slot: Any) -> tuple[Sequence[Command], Sequence[Command]]:
        """The same, as Python where that is asked for."""
        return ((self._pause,), ()) if self._bare else super().commands(slot)


def seconds(stages: int, streams: int, microseconds: int, bare: bool) -> float:
    """Per frame, of stages that take turns on a CPU of so many streams and a device of one, which sleeps briefly."""
    ways = [Sleeping(*(("gpu", 1) if i % 2 else ("cpu", microseconds)), bare) for i in range(stages)]
    slots = 2 * streams + 4
    line = Line([ways], [0], range(slots), lambda *_: None, lambda _: None)
    with Pipeline(line, posts={"cpu": Post(streams), "gpu": Post(ahead=2)}) as running:
        return pace([each.finished for each in running.map(repeat(None, FRAMES))], slots)


def main() -> None:
    """`python -m experiments.stage_overhead.handing_on [--streams N]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=14)
    parser.add_argument("--microseconds", type=int, default=200, help="that a stage on the CPU sleeps")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULT)
    words = parser.parse_args()
    rows = []
    for stages in STAGES:
        found: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(words.rounds):
            for bare, times in found.items():
                times.append(1e6 * seconds(stages, words.streams, words.microseconds, bare))
        commands, python = (round(median(times), 1) for times in found.values())
        print(f"{stages} stages: {commands} us a frame as commands, {python} us as Python", flush=True)
        rows.append({"stages": stages, "commands_us": commands, "python_us": python, "rounds": list(found.values())})
    settings = {"streams": words.streams, "microseconds": words.microseconds}
    words.out.write_text(json.dumps({"machine": machine(), **settings, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
