"""Every operator's cases on every OpenCL device found, against ONNX's reference: result JSON, and a table of all."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.devices.child import Child, ChildFailedError
from engine.devices.discover import opencl_devices
from hetero.report import machine
from kernels.ops import operators

FOLDER = Path(__file__).parent
KERNELS = ("CPU", "GPU")  # those for runtimes on CPU cores, and those for SIMT devices
TOLERANCE = 1e-5


def examine(number: int, names: list[str], seconds: float) -> dict[str, Any]:
    """One device: for each operator and kind of kernels how many cases were right, and what went wrong."""
    device = opencl_devices()[number]
    child = Child([sys.executable, "-m", "experiments.implementations.worker", str(number)])
    rows: dict[str, Any] = {}
    for name in names:
        for kernels in KERNELS:
            row: dict[str, Any] = {"right": 0, "cases": len(operators()[name].cases), "largest_error": 0.0, "wrong": {}}
            for case in range(row["cases"]):
                try:
                    off = child.ask({"op": name, "case": case, "kernels": kernels}, seconds)
                    row["largest_error"] = max(row["largest_error"], off)
                    if off <= TOLERANCE:
                        row["right"] += 1
                    else:
                        row["wrong"][case] = f"off by {off:.2g}"
                except ChildFailedError as failure:
                    row["wrong"][case] = str(failure)
            rows.setdefault(name, {})[kernels] = row
            first = next(iter(row["wrong"].values()), "")
            print(device.driver, name, kernels, f"{row['right']} of {row['cases']}", first[:200], flush=True)
    child.close()
    known = {"device": device.name, "driver": device.driver, "emulated": device.emulated}
    return {**known, "machine": machine(), "operators": rows}


def table(results: list[dict[str, Any]]) -> Iterator[str]:
    """All results side by side, in Markdown."""
    yield "Cases right of all, by the kernels for CPU runtimes / by those for GPUs, and their largest error.\n"
    yield "| operator |" + "".join(f" {result['driver']} |" for result in results)
    yield "|---|" + "---|" * len(results)
    names = sorted({name for result in results for name in result["operators"]})
    for name in names:
        yield f"| {name} |" + "".join(f" {_cell(result['operators'].get(name))} |" for result in results)


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    parts = [row[kernels] for kernels in KERNELS]
    shares = " / ".join(f"{part['right']} of {part['cases']}" for part in parts)
    return f"{shares}, {max(part['largest_error'] for part in parts):.0e}"


def main() -> None:
    """`python -m experiments.implementations.main [--ops A,B] [--only TEXT] [--seconds N]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ops", type=lambda text: text.split(","), help="these alone; other results stay")
    parser.add_argument("--only", default="", help="devices whose driver's name holds this text")
    parser.add_argument("--seconds", type=float, default=60, help="for one case, after which it counts as hung")
    words = parser.parse_args()
    names = words.ops or sorted(name for name, op in operators().items() if op.cases and op.gpu)
    for number, device in enumerate(opencl_devices()):
        if words.only in device.driver:
            found = examine(number, names, words.seconds)
            short = re.sub(r"[^a-z0-9.]+", "-", device.driver.lower()).strip("-")
            path = FOLDER / f"result-{short}.json"
            if words.ops and path.exists():  # the others as they were
                found["operators"] = json.loads(path.read_text())["operators"] | found["operators"]
            path.write_text(json.dumps(found, indent=1) + "\n")
    results = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("result-*.json"))]
    (FOLDER / "table.md").write_text("\n".join(table(results)) + "\n")


if __name__ == "__main__":
    main()
