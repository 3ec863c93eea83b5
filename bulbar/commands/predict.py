"""`bulbar predict RECORDING…`: the probability of ALS from one person's recordings. This is not a diagnosis."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bulbar.core.errors import BadInput

if TYPE_CHECKING:
    from bulbar.deployment.prediction import Prediction


WITH = ("voice", "audio", "fused_common")
"""What `--with` chooses from, the default first."""


def add_parser(subparsers: Any) -> None:
    """Add `predict` to the command line."""
    parser = subparsers.add_parser(
        "predict",
        help="predict the probability of ALS from one person's recordings",
        description="Predict the probability of ALS from recordings of one person, with what pushed towards it and\n"
        "away from it. A research tool: its output is no diagnosis.",
        epilog="example:\n  bulbar predict visit/someone_A.wav visit/someone_PA.flac --prevalence 0.05",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "recording",
        nargs="+",
        metavar="RECORDING",
        help="audio files of one person; the task is read from each name, such as someone_PA.wav",
    )
    parser.add_argument("--task", help="task of the recordings whose file names do not contain it: A E I O U KA PA TA")
    parser.add_argument(
        "--clinical",
        type=Path,
        metavar="FILE",
        help="age_years, sex and cantagallo_questionnaire, those that are known: JSON, or CSV with one row",
    )
    parser.add_argument(
        "--with",
        dest="by",
        choices=WITH,
        default=WITH[0],
        help="the model: voice (measures of the voice; adjusted where age and sex are known), audio (networks), "
        "fused_common (networks that also read --clinical); default %(default)s",
    )
    parser.add_argument(
        "--prevalence",
        type=_share,
        metavar="SHARE",
        help="share of patients among the people tested, between 0 and 1: adds probability, PPV and NPV at this share",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        default=Path("predictions"),
        help="where the networks' explanations are written as pictures (%(default)s)",
    )
    add_model_option(parser)
    parser.set_defaults(run=run, without_result="nothing was predicted")


def add_model_option(parser: argparse.ArgumentParser) -> None:
    """Add `--model`, the folder of the deployed models."""
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FOLDER",
        default=Path("models/deployed"),
        help="folder of the deployed models (%(default)s)",
    )


def run(arguments: argparse.Namespace) -> Prediction:
    """Predict from the parsed command line, and print the prediction. Networks also write pictures of explanations.

    The voice model predicts without TensorFlow, whose import alone takes longer than the whole prediction.
    """
    from bulbar.commands.model_folder import read_settings, read_voice, unwritable
    from bulbar.deployment import inputs

    name, deployed = arguments.by, read_settings(arguments.model)
    problems = [] if name == "voice" else unwritable(arguments.out)
    recordings, clinical = [], {}
    try:
        recordings = inputs.recordings(arguments.recording, arguments.task, deployed.audio)
    except BadInput as error:
        problems += error.problems
    if arguments.clinical is not None:
        try:
            clinical = inputs.person(arguments.clinical, next(iter(deployed.models["fused_common"].encoders.values())))
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput(problems)
    if name == "voice":
        from bulbar.commands import person_by_voice

        folds = read_voice(arguments.model)
        predicted = person_by_voice.predict(folds, deployed, recordings, clinical, prevalence=arguments.prevalence)
    else:
        from bulbar.commands import person

        predicted = person.predict(
            arguments.model, deployed, name, recordings, clinical, prevalence=arguments.prevalence, out=arguments.out
        )
    if arguments.json:
        values = rounded(predicted.as_json())
        print(json.dumps(values, indent=2, allow_nan=False))  # ASCII, so that every terminal can print it
    else:
        print(predicted.in_words(), end="")
    return predicted


def rounded(value: Any) -> Any:
    """JSON's values, to six digits: what is not defined is null."""
    if isinstance(value, Mapping):
        return {name: rounded(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(inner) for inner in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def _share(written: str) -> float:
    try:
        share = float(written)
    except ValueError:
        share = math.nan
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"a share between 0 and 1 expected, such as 0.05; got {written}")
    return share
