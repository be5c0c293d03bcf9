"""Progress: live lines on stderr, for a stream and for a network that takes long to be made ready."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from hetero.report import busy_text

_REFRESH = 0.2
_SHORT = 1.0  # seconds without a line


@contextmanager
def making_ready() -> Iterator[None]:
    """A bar for operators compiled meanwhile, on a terminal, from when that has taken a second.

    Kernels are compiled once a machine; after that a network is ready before the bar would show.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from engine.progress import telling

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = progress.add_task("", total=None)
    begin = time.monotonic()

    def told(what: str, done: int, total: int) -> None:
        progress.update(task, description=what, completed=done, total=total)
        if time.monotonic() - begin > _SHORT:
            progress.start()

    try:
        with telling(told):
            yield
    finally:
        progress.stop()


class Bar:
    """A line on a terminal while its block runs; off a terminal, or where it is not `shown`, it stays silent.

    `columns` are those of rich.progress between the counter and the time; `fields` are what they show.
    """

    def __init__(self, title: str, *columns: str, total: int | None = None, shown: bool = True, **fields: Any) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            *map(TextColumn, columns),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            auto_refresh=False,  # a thread that draws would be one more to share the cores with
            disable=not (shown and console.is_terminal),
            # What is printed meanwhile goes above the line, but never from a pipe to the terminal.
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=False,
        )
        self._task = self._progress.add_task(title, total=total, **fields)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


class StreamProgress(Bar):
    """The line of one stream: frames done, frames a second, busy devices."""

    def __init__(self, stream: Any, total: int | None, title: str, *, shown: bool = True) -> None:
        super().__init__(
            title, "{task.fields[fps]:6.1f} frames/s  {task.fields[busy]}", total=total, shown=shown, fps=0.0, busy=""
        )
        self._stream = stream
        self._next = 0.0

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


class TuneProgress(Bar):
    """The bar of a search: layers done, and the one at work."""

    def __init__(self) -> None:
        super().__init__("")

    def update(self, state: Any) -> None:
        """Show where the search stands: `state` has `done`, `all` and the next layer's `node`."""
        description = f"tuning {state.node}" if state.node else "comparing"
        self._progress.update(self._task, completed=state.done, total=state.all, description=description, refresh=True)
