"""Errors: what goes wrong ends in one line on stderr and an exit status."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from hetero.cli.notes import noted

# What bad input raises. Anything else is a fault of this program.
_USERS = (ValueError, TypeError, OSError, LookupError)


@contextmanager
def reported(debug: bool) -> Iterator[None]:
    """Ends the command with status 2 for bad input and 1 for a fault of ours; traceback with --debug."""
    try:
        with noted():
            yield
    except BrokenPipeError:
        # The reader (`| head`) has gone; without this the interpreter complains once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(141) from None
    except _USERS as error:
        _tell(one_line(error), debug)
        raise typer.Exit(2) from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        _tell(f"unexpected {type(error).__name__}: {one_line(error)} (--debug shows where)", debug)
        raise typer.Exit(1) from None


def one_line(error: BaseException) -> str:
    """An error's message without line breaks, and without the quotes that KeyError puts round it."""
    text = str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error)
    return " ".join(text.split()) or type(error).__name__


def _tell(line: str, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    print(f"hetero: {line}", file=sys.stderr)
