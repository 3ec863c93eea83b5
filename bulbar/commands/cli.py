"""The command `bulbar`: its arguments, how errors are printed, its exit code.

A command imports what it needs when it runs, so that `bulbar --help` answers at once.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence

from bulbar.commands import download, export, predict, track
from bulbar.commands.download import INTERRUPTED
from bulbar.core.atomic_write import full_disk_named
from bulbar.core.errors import BadInput, CannotGoOn

COMMANDS = (predict, export, download, track)
READER_GONE = 141
"""Exit code of `| head`, as a shell gives it: 128 and the number of the signal."""


def parser() -> argparse.ArgumentParser:
    """The command line: one subcommand for each module of `COMMANDS`."""
    whole = argparse.ArgumentParser(
        prog="bulbar",
        description="Predict ALS from voice recordings, and handle the releases that models are trained on.\n"
        "A research tool: nothing it prints is a diagnosis.",
        epilog="`bulbar COMMAND --help` explains a command. The studies themselves are run by DVC: `dvc repro`.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code: 0, 1 if the input is wrong, 130 after Ctrl-C, 141 after `| head`.

    Each problem of the input is printed without a traceback. A wrong command line ends in argparse, with exit code 2.
    """
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()  # here, and not when Python ends: there a reader that has gone is a traceback
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):  # what is left in their buffers goes nowhere
            os.dup2(nowhere, stream.fileno())
        return READER_GONE


def _run(arguments: Sequence[str] | None) -> int:
    parsed = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may not know every sign of a file's name
    try:
        with full_disk_named():
            parsed.run(parsed)
    except BadInput as error:
        print(error, file=sys.stderr)
        if not isinstance(error, CannotGoOn):
            print(f"\n{len(error.problems)} problem(s): {parsed.without_result}.", file=sys.stderr)
        return 1
    return 0
