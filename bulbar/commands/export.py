"""`bulbar export FOLDER`: write the deployed models as LiteRT."""

import argparse
from pathlib import Path
from typing import Any

from bulbar.commands.predict import add_model_option
from bulbar.core import error_stream
from bulbar.core.atomic_write import copy_file
from bulbar.core.errors import BadInput


def add_parser(subparsers: Any) -> None:
    """Add `export` to the command line."""
    parser = subparsers.add_parser(
        "export",
        help="write the deployed models as LiteRT",
        description="Write each network of a model folder as LiteRT (.tflite), for use without Keras, and copy the\n"
        "voice models and settings.json. A research tool: their output is no diagnosis.",
        epilog="example:\n  bulbar export exported --model ~/als-voice",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", type=Path, metavar="FOLDER", help="where to write")
    add_model_option(parser)
    parser.set_defaults(run=run, without_result="nothing was exported")


def run(arguments: argparse.Namespace) -> None:
    """Export the networks that the parsed command line names, and print how many were written."""
    from bulbar.commands.model_folder import VOICE, read_settings, unwritable

    out, model, deployed = arguments.out, arguments.model, read_settings(arguments.model)
    if problems := unwritable(out):
        raise BadInput(problems)
    with error_stream.silenced():
        from bulbar.deployment.deployed import NETWORKS
        from bulbar.deployment.litert import to_litert

        for name in NETWORKS:
            for fold in deployed.folds:
                network = Path(name) / f"fold_{fold}.keras"
                to_litert(model / network, out / network.with_suffix(".tflite"))
    for name in (VOICE, "settings.json"):
        copy_file(model / name, out / name)
    print(f"{len(NETWORKS) * len(deployed.folds)} networks written to {out}, with {VOICE} and settings.json")
