"""Progress: one live line for a stream on stderr: frames, frames a second, and how busy each device is."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from hetero.report import busy_text

_REFRESH = 0.2


class StreamProgress:
    """The line of one stream; off a terminal it stays silent."""

    def __init__(self, stream: Any, total: int | None, title: str, *, shown: bool = True) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        self.console = console
        self._stream = stream
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[fps]:6.1f} frames/s  {task.fields[busy]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            auto_refresh=False,
            disable=not (shown and console.is_terminal),
            # What is printed meanwhile goes above the line, but never from a pipe to the terminal.
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=False,
        )
        self._task = self._progress.add_task(title, total=total, fps=0.0, busy="")
        self._next = 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def advance(self) -> None:
        """One more frame is done."""
        self._progress.advance(self._task)
        now = time.monotonic()
        if now >= self._next and not self._progress.disable:
            self._next = now + _REFRESH
            statistics = self._stream.statistics()
            self._progress.update(
                self._task, fps=statistics.fps, busy=f"busy: {busy_text(statistics.busy)}", refresh=True
            )


class TuneProgress:
    """The bar of a search: layers done, and the one at work; off a terminal it stays silent."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        self._progress = Progress(
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def update(self, state: Any) -> None:
        """Show where the search stands: `state` has `done`, `all` and the next layer's `node`."""
        description = f"tuning {state.node}" if state.node else "comparing"
        self._progress.update(self._task, completed=state.done, total=state.all, description=description)
