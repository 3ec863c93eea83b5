"""The command `bulbar`: its arguments, how errors are printed, its exit code.

A command imports what it needs when it runs, so that `bulbar --help` answers at once.
"""

import argparse
import io
import sys
from collections.abc import Sequence

from bulbar.commands import download, export, predict, track
from bulbar.core.atomic_write import full_disk_named
from bulbar.core.errors import BadInput, CannotGoOn

COMMANDS = (predict, export, download, track)


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
    """Run a command and return the exit code: 0, or 1 if the input is wrong.

    Each problem of the input is printed without a traceback. A wrong command line ends in argparse, with exit code 2.
    """
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
