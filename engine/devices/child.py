"""Child: a process that does what may end it, asked by lines of JSON and given a time limit."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from queue import Empty, Queue
from signal import Signals
from threading import Thread
from time import monotonic
from typing import Any

TRIAL = (sys.executable, "-m", "engine.devices.trial")
PATIENCE = 5.0  # seconds for a process to end of which nothing but that is to be expected


class ChildFailedError(RuntimeError):
    """What was asked failed, or ended or stopped the child; `begun` is the last thing it said it begins."""

    def __init__(self, reason: str, begun: Any) -> None:
        super().__init__(reason)
        self.begun = begun


class Child:
    """Started when first asked, and again after it had to be ended.

    It answers a request by any number of {"begins": ...} lines and then one with "result" or "error".
    """

    def __init__(self, command: Sequence[str] = TRIAL) -> None:
        self._command = command
        self._open = ExitStack()
        self._process: subprocess.Popen[str] | None = None
        self._answers: Queue[str] = Queue()
        self._complaints: Any = None

    def ask(self, request: Mapping[str, Any], seconds: float) -> Any:
        """The result. Raises ChildFailedError with the reason in one line."""
        process = self._started()
        deadline, begun = monotonic() + seconds, None
        try:
            print(json.dumps(request), file=process.stdin, flush=True)
            while True:
                answer = json.loads(self._answers.get(timeout=max(0.0, deadline - monotonic())))
                if "result" in answer:
                    return answer["result"]
                if "error" in answer:
                    raise ChildFailedError(answer["error"], begun)
                begun = answer["begins"]
        except Empty:
            reason = f"did not end within {seconds:g} s"
        except (OSError, ValueError):  # the pipe broke, or what came out of it is no answer
            reason = self._death(process)
        self.close()
        raise ChildFailedError(reason, begun)

    def close(self) -> None:
        """End the process, if there is one."""
        self._open.close()
        self._process = None
        atexit.unregister(self.close)

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            atexit.register(self.close)
            # A process killed while PoCL compiles leaves a broken file in PoCL's cache: let it be a cache of its own.
            folder = self._open.enter_context(tempfile.TemporaryDirectory(prefix="hetero-", ignore_cleanup_errors=True))
            self._complaints = self._open.enter_context(tempfile.TemporaryFile("w+"))  # noqa: SIM115
            self._answers = Queue()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                text=True,
                env={**os.environ, "POCL_CACHE_DIR": folder},
            )
            listener = Thread(target=_listen, args=(self._process.stdout, self._answers), daemon=True)
            listener.start()
            self._open.callback(_end, self._process, listener)
        return self._process

    def _death(self, process: subprocess.Popen[str]) -> str:
        """How the process ended, and the last thing it complained about."""
        try:
            status = process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            return "answered something that is no answer"
        how = f"was ended by {Signals(-status).name}" if status < 0 else f"ended with status {status}"
        self._complaints.seek(0)
        last = self._complaints.read().strip().rpartition("\n")[2][:200]
        return f"{how}: {last}" if last else how


def _listen(pipe: Any, answers: Queue[str]) -> None:
    """Hand on every line, and an empty one, which is no answer, at the end."""
    for line in pipe:
        answers.put(line)
    answers.put("")


def _end(process: subprocess.Popen[str], listener: Thread) -> None:
    process.kill()
    process.wait()
    listener.join(timeout=PATIENCE)
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # what was not sent will not be
            if pipe is not None:
                pipe.close()
