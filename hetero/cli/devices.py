"""`hetero devices`: what there is to run on."""

from __future__ import annotations

from hetero.cli.errors import reported
from hetero.cli.options import Debug, Json, print_json


def devices(as_json: Json = False, debug: Debug = False) -> None:
    """List the devices that networks can run on."""
    with reported(debug):
        import hetero
        from hetero.report import describe_device

        found = [describe_device(device) for device in hetero.devices()]
        why_none = hetero.no_gpu_reason()
        if as_json:
            print_json({"devices": found, "no_gpu_reason": why_none})
            return
        _show(found)
        if why_none is not None:
            print(f"No OpenCL device, so everything runs on the CPU: {why_none}")


def _show(found: list[dict[str, object]]) -> None:
    from rich.console import Console
    from rich.table import Table

    view = Table("kind", "name", "emulated", "memory", "compute units", "driver")
    for device in found:
        view.add_row(
            str(device["kind"]),
            str(device["name"]),
            "yes" if device["emulated"] else "no",
            "shared with the CPU" if device["unified_memory"] else "its own",
            str(device["compute_units"]),
            str(device["driver"] or ""),
        )
    Console().print(view)
