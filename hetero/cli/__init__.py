"""The command line: `hetero devices | run | bench | profile | plan | tune | trace`, one file a command."""

from __future__ import annotations

import typer

from hetero.cli import bench, devices, plan, profile, run, trace, tune

app = typer.Typer(
    help="Run convolutional networks on streams of frames, on CPU and GPU at once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("devices")(devices.devices)
app.command("run")(run.run)
app.command("bench")(bench.bench)
app.command("profile")(profile.profile)
app.command("plan")(plan.plan)
app.command("tune")(tune.tune)
app.command("trace")(trace.trace)


def main() -> None:
    """What the `hetero` script calls."""
    app()
