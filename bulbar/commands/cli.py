"""The command `bulbar`: its arguments, how it prints errors, and its exit code.

A command imports its libraries only when it runs, so that `bulbar --help` is fast.
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
"""Exit code if the reader of the output has closed the pipe, as after `| head`: 128 + the number of SIGPIPE."""


def parser() -> argparse.ArgumentParser:
    """Build the command line: one subcommand for each module of `COMMANDS`."""
    whole = argparse.ArgumentParser(
        prog="bulbar",
        description="Predict ALS from voice recordings, and download or track the data sets for training.\n"
        "A research tool: nothing that it prints is a diagnosis.",
        epilog="`bulbar COMMAND --help` explains a command. DVC runs the studies themselves: `dvc repro`.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Each problem of the input is printed without a traceback.

    Parameters
    ----------
    arguments : sequence of str or None
        Command line; None reads `sys.argv`.

    Returns
    -------
    int
        Exit code: 0; 1 if the input is wrong; 130 after Ctrl-C; 141 if the reader of the output is gone (`| head`).

    Raises
    ------
    SystemExit
        By argparse, with exit code 2, if the command line is wrong.
    """
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()  # here, because at Python's exit a closed pipe would print a traceback
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):  # discards the rest of their buffers
            os.dup2(nowhere, stream.fileno())
        return READER_GONE


def _run(arguments: Sequence[str] | None) -> int:
    parsed = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack characters of a file name
    try:
        with full_disk_named():
            parsed.run(parsed)
    except BadInput as error:
        print(error, file=sys.stderr)
        if not isinstance(error, CannotGoOn):
            print(f"\n{len(error.problems)} problem(s): {parsed.without_result}.", file=sys.stderr)
        return 1
    return 0
