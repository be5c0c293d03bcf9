"""Trial: what runs in the child process, `python -m engine.devices.trial`: lowerings are built and run there.

A line of stdin is a request of `wire`; it is answered by {"begins": step} before each step, and then by
{"result": [outputs]} or {"error": text}.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from engine.devices.alone import Alone
from engine.devices.discover import opencl_devices
from engine.devices.wire import decode, encode, lowering


def answer(asked: Mapping[str, Any], say: Callable[[Mapping[str, Any]], None]) -> list[str]:
    """Run a request, step by step so that the guilty one is known."""
    wanted = asked["device"], asked["driver"]
    device = next(device for device in opencl_devices() if (device.name, device.driver) == wanted)
    inputs = {int(position): decode(text) for position, text in asked["inputs"].items()}
    alone = Alone(device, lowering(asked), inputs, asked["outputs"])
    for index, bound in enumerate(alone.bound):
        say({"begins": index})
        recording = device.record([bound])
        recording.start()
        recording.wait()
    return [encode(output) for output in alone.outputs()]


def main() -> None:
    """Answer requests until stdin ends. What drivers print on stdout goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(words: Mapping[str, Any]) -> None:
        print(json.dumps(words), file=answers, flush=True)

    for line in sys.stdin:
        try:
            say({"result": answer(json.loads(line), say)})
        except Exception as error:  # whatever a driver makes of it: the parent decides
            say({"error": " ".join(f"{type(error).__name__}: {error}".split())[:500]})


if __name__ == "__main__":
    main()
