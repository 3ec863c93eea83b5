"""Ask the deployed models about one person's recordings: `python -m stages.predict RECORDING…`. No stage of dvc.yaml.

A research tool: its output is no diagnosis.
"""

import argparse
import io
import json
import math
import os
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from bulbar import audio, conditions, error_stream, spectrogram
from bulbar.appraisal.calibration import Estimate
from bulbar.aside import written_aside
from bulbar.deployment import figure, given, network_file, occlusion, prediction
from bulbar.deployment.deployed import Deployed
from bulbar.deployment.given import Given
from bulbar.deployment.occlusion import Occlusion
from bulbar.errors import BadInput, Problem, SilentRecording

HOW_TO_GET_THEM = "`dvc repro deploy` makes them, `dvc artifacts get` fetches them from another clone: docs/predict.md"


def main(arguments: Sequence[str] | None = None) -> prediction.Prediction:
    """Predict, write one explanation for each recording, and print the prediction."""
    asked = parser().parse_args(arguments)
    deployed = read_settings(asked.model)
    name, found, person, problems = "audio", [], {}, unwritable(asked.out)
    try:
        found = given.recordings(asked.recording, asked.task, min_duration_s=deployed.audio.min_duration_s)
    except BadInput as error:
        problems += error.problems
    if asked.clinical is not None:
        name = "fused_common"
        try:
            person = given.person(asked.clinical, next(iter(deployed.models[name].encoders.values())))
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput(problems)
    told = predict(asked.model, deployed, name, found, person, prevalence=asked.prevalence, out=asked.out)
    if asked.json:
        print(json.dumps(_defined(told.as_json()), indent=2, allow_nan=False))  # ASCII: whatever the terminal writes
    else:
        print(told.in_words(), end="")
    return told


def parser() -> argparse.ArgumentParser:
    """The command line."""
    asking = argparse.ArgumentParser(
        prog="python -m stages.predict",
        description="The probability of ALS from one person's recordings. Research tool: this is no diagnosis.",
    )
    asking.add_argument("recording", nargs="+", help="audio files of one person; the task is read off each name")
    asking.add_argument(
        "--clinical", type=Path, metavar="FILE", help="age_years, sex and the like: JSON, or CSV of a row"
    )
    asking.add_argument("--task", help="what was spoken in the recordings whose names do not say: A E I O U KA PA TA")
    asking.add_argument(
        "--prevalence", type=_share, metavar="SHARE", help="of patients among the people tested, 0 to 1"
    )
    asking.add_argument("--json", action="store_true", help="print JSON instead of text")
    asking.add_argument(
        "--out", type=Path, default=Path("predictions"), help="folder of the explanations (%(default)s)"
    )
    asking.add_argument(
        "--model", type=Path, default=Path("models/deployed"), help="folder of the deployed models (%(default)s)"
    )
    return asking


def _share(written: str) -> float:
    try:
        share = float(written)
    except ValueError:
        share = math.nan
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"a share between 0 and 1 expected, such as 0.05; got {written}")
    return share


def unwritable(out: Path) -> list[Problem]:
    """A problem where no file can be written into the folder `out`, which need not be there yet."""
    there = next(path for path in [out.absolute(), *out.absolute().parents] if path.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return []
    found = f"{there}: {'no right to write' if there.is_dir() else 'a file'}"
    return [Problem(str(out), "a folder to write into", found, "name another folder")]


def read_settings(folder: Path) -> Deployed:
    """The deployed models' settings. Raises BadInput where they, or a network, are not there or not whole."""
    path = folder / "settings.json"
    if not path.is_file():
        problem = Problem(str(path), "the settings of deployed models", "no such file", HOW_TO_GET_THEM)
        raise BadInput([problem])
    try:
        deployed = Deployed.model_validate_json(path.read_bytes())
    except ValidationError as error:
        faults = [
            ": ".join([*(".".join(map(str, one["loc"])),) * bool(one["loc"]), one["msg"]]) for one in error.errors()
        ]
        problems = [Problem(str(path), "settings of this version", fault, HOW_TO_GET_THEM) for fault in faults]
        raise BadInput(problems) from None
    networks = [folder / name / f"fold_{fold}.keras" for name in deployed.models for fold in deployed.folds]
    faulty = {path: found for path in networks if (found := network_file.fault(path))}
    if faulty:
        problems = [Problem(str(path), "a fold's network", found, HOW_TO_GET_THEM) for path, found in faulty.items()]
        raise BadInput(problems)
    return deployed


def predict(
    folder: Path,
    deployed: Deployed,
    name: str,
    found: Sequence[Given],
    person: Mapping[str, float | str],
    *,
    prevalence: float | None,
    out: Path,
) -> prediction.Prediction:
    """Ask one deployed model about a person, and draw the explanation of each recording into `out`."""
    images, measured = hear(found, deployed)
    scores, moved = ask(folder, deployed, name, images, person)
    model = deployed.models[name]
    of_person, of_recordings = prediction.of_person(scores, model)
    pictures = draw(out, name, found, images, moved, of_recordings, deployed)
    at_prevalence = None
    if prevalence is not None:
        ends = (of_person.value, of_person.low, of_person.high)
        at_prevalence = Estimate(*(prediction.at_prevalence(end, model.share_of_patients, prevalence) for end in ends))
    encoder = next(iter(model.encoders.values()), None)
    lacking = [column for column in encoder.columns if column not in person] if encoder else []
    return prediction.Prediction(
        deployed=deployed,
        model=name,
        person=of_person,
        recordings=[
            prediction.OfRecording(
                one.file, one.task, probability, deployed.training.of_recording(one.task, how), str(picture)
            )
            for one, probability, how, picture in zip(found, of_recordings, measured, pictures, strict=True)
        ],
        calls=prediction.calls(deployed, name, of_person.score, prevalence),
        unlike=deployed.training.of_person([one.task for one in found], person),
        filled_in=[f"{column}: not given, so each fold's training median or mode" for column in lacking],
        given=list(person),
        prevalence=prevalence,
        at_prevalence=at_prevalence,
    )


def hear(found: Sequence[Given], deployed: Deployed) -> tuple[list[np.ndarray], list[conditions.Conditions]]:
    """Each recording's images, shape (rows, mel, frame), and how it was made: the code that the training data took.

    As there, the cleaned recording passes through a 16-bit file.
    """
    images, measured, problems = [], [], []
    with tempfile.TemporaryDirectory() as aside:
        for one in found:
            samples, rate = audio.read(one.path)
            path = Path(aside) / "cleaned.wav"
            try:
                measured.append(conditions.measure(one.path, samples, rate, deployed.audio))
                audio.write(path, audio.clean(one.path, deployed.audio), deployed.audio.sample_rate_hz)
                images.append(spectrogram.image_of_file(path, deployed.spectrogram))
            except SilentRecording as error:
                problem = Problem(one.file, "a recording with sound in it", str(error), "give another recording")
                problems.append(problem)
    if problems:
        raise BadInput(problems)
    return images, measured


def ask(
    folder: Path, deployed: Deployed, name: str, images: Sequence[np.ndarray], person: Mapping[str, float | str]
) -> tuple[np.ndarray, list[Occlusion]]:
    """The score of each fold model for each recording, shape (fold, recording), and what moves their mean."""
    silence, scores, moved = spectrogram.silence(deployed.spectrogram), [], []
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with error_stream.silenced():
        from bulbar.deployment.fold_models import fold_models

        for network in fold_models(folder, deployed, name, person):
            scores.append([network(rows).mean() for rows in images])
            moved.append([occlusion.occlusion(network, rows, silence) for rows in images])
    return np.array(scores), [occlusion.mean(by_fold) for by_fold in zip(*moved, strict=True)]


def draw(
    out: Path,
    model: str,
    found: Sequence[Given],
    images: Sequence[np.ndarray],
    moved: Sequence[Occlusion],
    probabilities: Sequence[prediction.Probability],
    deployed: Deployed,
) -> list[Path]:
    """One PNG for each recording, named after it, with the model that was asked; none where one cannot be written."""
    pictures: dict[Path, bytes] = {}
    note = (
        "Each part is silenced in turn and the fold models are asked again: the mean change of their score is shown. "
        "It says what moved these models,\nnot what the disease does. Research tool: this is no diagnosis."
    )
    if deployed.synthetic:
        note += " Trained on a synthetic cohort: nothing here says anything of a real person."
    for one, rows, parts, probability in zip(found, images, moved, probabilities, strict=True):
        name = one.path.stem
        path = out / f"{name}.png"
        number = 2
        while path in pictures:
            path, number = out / f"{name}_{number}.png", number + 1
        title = f"{one.path.name}, task {one.task}, model {model}: score {probability.score:.3f}, "
        title += f"calibrated probability {prediction.percent(probability.value)}"
        seconds = shown_s(one.path, rows, deployed)
        drawn = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")  # of a file's name that the font lacks: a box is drawn
            figure.explanation(rows, parts, deployed.spectrogram, seconds, title, note).savefig(
                drawn, metadata={"Title": title}
            )
        pictures[path] = drawn.getvalue()
    write_all_or_none(pictures, out)
    return list(pictures)


def write_all_or_none(files: Mapping[Path, bytes], out: Path) -> None:
    """Write files into the folder `out`; where one cannot be written none is, and what an earlier call left stays."""
    try:
        with ExitStack() as stack:
            for path, content in files.items():
                stack.enter_context(written_aside(path)).write_bytes(content)
    except OSError as error:
        raise BadInput([Problem(str(out), "a folder to write into", str(error), "name another folder")]) from None


def shown_s(path: Path, rows: np.ndarray, deployed: Deployed) -> float:
    """Seconds that a recording's images show, silence removed."""
    if deployed.spectrogram.time_axis == "resize":
        return len(audio.clean(path, deployed.audio)) / deployed.audio.sample_rate_hz
    return rows.shape[0] * rows.shape[2] * deployed.spectrogram.hop_length / deployed.audio.sample_rate_hz


def _defined(value: Any) -> Any:
    """JSON's values, to six digits: what is not defined is null."""
    if isinstance(value, Mapping):
        return {name: _defined(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_defined(inner) for inner in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def run() -> None:
    """Predict for the command line; what is wrong with the input is printed without a traceback, exit code 1."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may not know every sign of a name
    try:
        main()
    except BadInput as error:
        print(error, file=sys.stderr)
        print(f"\n{len(error.problems)} problem(s): nothing was predicted.", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    run()
