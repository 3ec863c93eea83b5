"""The prediction for one person by networks: images, scores of the fold models, pictures of explanations."""

import io
import os
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from bulbar.core import error_stream
from bulbar.core.atomic_write import atomic_path
from bulbar.core.errors import BadInput, Problem, SilentRecording
from bulbar.core.files import matplotlib_defaults
from bulbar.deployment import explanation, prediction
from bulbar.deployment.deployed import Deployed
from bulbar.deployment.explanation import Occlusion
from bulbar.deployment.inputs import InputRecording
from bulbar.features import audio, conditions, spectrogram


def predict(
    folder: Path,
    deployed: Deployed,
    name: str,
    found: Sequence[InputRecording],
    person: Mapping[str, float | str],
    *,
    prevalence: float | None,
    out: Path,
) -> prediction.Prediction:
    """Predict with one deployed model, and draw an explanation of each recording.

    Parameters
    ----------
    folder : Path
        Folder of the deployed models.
    deployed : Deployed
        Its settings.
    name : str
        The model: `audio`, or `fused_common`, which also reads clinical columns.
    found : sequence of InputRecording
        Recordings of one person.
    person : mapping of str to float or str
        Clinical column -> value; may be empty.
    prevalence : float in (0, 1) or None
        Share of patients among the people tested. With it, the probability, PPV and NPV at it are added.
    out : Path
        Folder for the explanations, one PNG for each recording.

    Returns
    -------
    Prediction
        Everything predicted for the person.

    Raises
    ------
    BadInput
        Names every silent recording, or the folder if `out` is not writable.
    """
    images, measured = images_and_conditions(found, deployed)
    scores, moved = scores_and_occlusions(folder, deployed, name, images, person)
    model = deployed.models[name]
    of_person, of_recordings = prediction.of_person(scores, model)
    pictures = draw_explanations(out, name, found, images, moved, of_recordings, deployed)
    encoder = next(iter(model.encoders.values()), None)
    columns = encoder.columns if encoder else []
    return prediction.Prediction(
        deployed=deployed,
        model=name,
        person=of_person,
        recordings=[
            prediction.OfRecording(
                one.file, one.task, deployed.training.of_recording(one.task, how), probability, str(picture)
            )
            for one, probability, how, picture in zip(found, of_recordings, measured, pictures, strict=True)
        ],
        outside_range=deployed.training.of_person([one.task for one in found], person),
        filled_in=[
            f"{column}: missing, so each fold uses its training median or mode"
            for column in columns
            if column not in person
        ],
        clinical=[column for column in person if column in columns],
        unused=[column for column in person if column not in columns],
        prevalence=prevalence,
    )


def images_and_conditions(
    found: Sequence[InputRecording], deployed: Deployed
) -> tuple[list[np.ndarray], list[conditions.Conditions]]:
    """Each recording's images, shape (rows, mel, frame), and its recording conditions.

    The code is that of the training data. As there, the cleaned recording passes through a 16-bit file.
    """
    images, measured, problems = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for one in found:
            samples, rate = audio.read(one.path)
            path = Path(folder) / "cleaned.wav"
            try:
                measured.append(conditions.measure(one.path, samples, rate, deployed.audio))
                audio.write(path, audio.clean(one.path, deployed.audio), deployed.audio.sample_rate_hz)
                highest_hz = audio.highest_hz(rate / 2, deployed.audio.bandwidth_hz)
                images.append(spectrogram.image_of_file(path, deployed.spectrogram, highest_hz))
            except SilentRecording as error:
                problem = Problem(one.file, "a recording with sound", str(error), "give another recording")
                problems.append(problem)
    if problems:
        raise BadInput(problems)
    return images, measured


def scores_and_occlusions(
    folder: Path, deployed: Deployed, name: str, images: Sequence[np.ndarray], person: Mapping[str, float | str]
) -> tuple[np.ndarray, list[Occlusion]]:
    """The score of each fold model for each recording, shape (fold, recording), and the mean occlusion over folds."""
    silence, scores, moved = spectrogram.silence(deployed.spectrogram), [], []
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with error_stream.silenced():
        from bulbar.deployment.fold_models import fold_models

        for network in fold_models(folder, deployed, name, person):
            scores.append([network(rows).mean() for rows in images])
            moved.append([explanation.occlusion(network, rows, silence) for rows in images])
    return np.array(scores), [explanation.mean(by_fold) for by_fold in zip(*moved, strict=True)]


def draw_explanations(
    out: Path,
    model: str,
    found: Sequence[InputRecording],
    images: Sequence[np.ndarray],
    moved: Sequence[Occlusion],
    probabilities: Sequence[prediction.Probability],
    deployed: Deployed,
) -> list[Path]:
    """Write one PNG for each recording, with the recording's name. If one cannot be written, none is."""
    pictures: dict[Path, bytes] = {}
    note = (
        "Each part is silenced in turn and the fold models predict again. The figure shows the mean change of their "
        "score:\nwhat these models react to, not what the disease does. Research tool: this is not a diagnosis."
    )
    if deployed.synthetic:
        note += " Trained on a synthetic cohort: the numbers say nothing about a real person."
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
        with warnings.catch_warnings(), matplotlib_defaults():
            warnings.filterwarnings("ignore", message="Glyph")  # a character that the font lacks is drawn as a box
            explanation.figure(rows, parts, deployed.spectrogram, seconds, title, note).savefig(
                drawn, metadata={"Title": title}
            )
        pictures[path] = drawn.getvalue()
    write_all_or_none(pictures, out)
    return list(pictures)


def write_all_or_none(files: Mapping[Path, bytes], out: Path) -> None:
    """Write files into the folder `out`. If one cannot be written, none is, and earlier files stay as they are."""
    try:
        with ExitStack() as stack:
            for path, content in files.items():
                stack.enter_context(atomic_path(path)).write_bytes(content)
    except OSError as error:
        raise BadInput.one(str(out), "a writable folder", str(error), "name another folder") from None


def shown_s(path: Path, rows: np.ndarray, deployed: Deployed) -> float:
    """Length that a recording's images show, in seconds, after silence removal."""
    if deployed.spectrogram.time_axis == "resize":
        return len(audio.clean(path, deployed.audio)) / deployed.audio.sample_rate_hz
    return rows.shape[0] * rows.shape[2] * deployed.spectrogram.hop_length / deployed.audio.sample_rate_hz
