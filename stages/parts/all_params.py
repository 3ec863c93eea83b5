"""All of params.yaml, of either pipeline: the model of every block, and the rules between blocks."""

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from pydantic import ConfigDict, ValidationError

from bulbar.appraisal import baselines, calibration, external, learning_curve
from bulbar.audit import finding as audit
from bulbar.cohort import folds, readers, split, subset
from bulbar.core import parallel
from bulbar.core.errors import BadInput, Problem
from bulbar.core.settings import RemoteName, Strict, refusals
from bulbar.explain import settings as explain
from bulbar.features import audio, augmentation, praat, sequences, spectrogram
from bulbar.phantom import common_voice, voc_als
from bulbar.scoring import intervals, selection
from bulbar.training import als, fits, gender, spread
from bulbar.training.architectures import ARCHITECTURES
from bulbar.tuning import search
from bulbar.voice import model as voice
from stages.parts.params import SeedSettings, StudySettings

MOST_VALUES = 10_000


class Remote(Strict):
    """The `remote` block, which DVC itself reads."""

    private: RemoteName | None


class External(external.Settings):
    """The `external` block with what other stages read there."""

    model_config = ConfigDict(extra="forbid")

    cohort: readers.Settings
    phantom: voc_als.ExternalSettings


class NewPeople(Strict):
    """The `new_people` block."""

    phantom: voc_als.ExternalSettings


class Als(StudySettings):
    """params.yaml of the ALS pipeline."""

    model_config = ConfigDict(extra="forbid")

    cohort: readers.Settings
    phantom: voc_als.Settings
    audio: audio.Settings
    spectrogram: spectrogram.Settings
    folds: folds.Settings
    train: fits.Settings
    sweep: als.SweepSettings
    select: selection.Settings
    spread: spread.Settings
    published: als.PublishedSettings
    fusion: als.FusionSettings
    acoustic: praat.Settings
    baselines: baselines.Settings
    voice: voice.Settings
    learning_curve: learning_curve.Settings
    bootstrap: intervals.Settings
    appraise: calibration.Settings
    audit: audit.Settings
    explain: explain.Settings
    external: External
    new_people: NewPeople
    remote: Remote
    compute: parallel.Settings


class Gender(SeedSettings):
    """params.yaml of the gender pipeline."""

    model_config = ConfigDict(extra="forbid")

    cohort: readers.Settings
    phantom: common_voice.Settings
    subset: subset.Settings
    audio: audio.Settings
    split: split.Settings
    augment: augmentation.Settings
    features: sequences.Settings
    train: fits.Settings
    network: gender.Settings
    tune: search.Settings
    acoustic: praat.Settings
    bootstrap: intervals.Settings
    remote: Remote
    compute: parallel.Settings


Whole = TypeVar("Whole", Als, Gender)


def check(found: dict[str, Any], pipeline: str) -> None:
    """Raise BadInput with everything that is wrong with the params of `als` or `gender`."""
    problems = list(unusable(found))
    if not problems:
        problems = list(between_als(_read(found, Als)) if pipeline == "als" else between_gender(_read(found, Gender)))
    if problems:
        raise BadInput(problems)


def unusable(found: dict[str, Any]) -> Iterator[Problem]:
    """What no model can check: dates, keys that are no text, aliases that unfold without end."""
    waiting: list[tuple[str, Any]] = [("", found)]
    for _ in range(MOST_VALUES):
        if not waiting:
            return
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{name}.{key}".lstrip("."), inner) for key, inner in value.items()]
            where = f"params.yaml: {name}".rstrip(": ")
            for key in value:
                if not isinstance(key, str):
                    yield Problem(where, "keys that are texts", f"{key!r}"[:300], "quote the key")
        elif isinstance(value, list):
            waiting += [(f"{name}.{place}", inner) for place, inner in enumerate(value)]
        elif not isinstance(value, str | int | float | None):
            expected = "a text, a number, true, false, null, a list or a block"
            remedy = "quote it where it is meant as a text, or correct the key"
            yield Problem(f"params.yaml: {name}", expected, f"{value} ({type(value).__name__})"[:300], remedy)
    remedy = "write out what the aliases (*) stand for"
    yield Problem("params.yaml", f"at most {MOST_VALUES:,} values", "more, or a list inside itself", remedy)


def _read(found: dict[str, Any], model: type[Whole]) -> Whole:
    """The settings as the pipeline has them, each of the very type: `"0.3"` is a text, `true` is no number."""
    try:
        return model.model_validate_json(json.dumps(found), strict=True)
    except ValidationError as error:
        raise BadInput(refusals(error, "params.yaml:")) from None


def between_als(read: Als) -> Iterator[Problem]:
    """Rules between blocks of the ALS pipeline's params.yaml."""
    mel, highest = read.spectrogram, read.audio.sample_rate_hz / 2
    if mel.max_hz > highest:
        yield _problem("spectrogram.max_hz", f"at most {highest:g}, half of audio.sample_rate_hz", mel.max_hz)
    bandwidth = read.external.bandwidth_hz
    if bandwidth is not None and bandwidth * audio.SLOPE[1] >= highest:
        yield _problem("external.bandwidth_hz", f"below {highest / audio.SLOPE[1]:g}, or null", bandwidth)
    for key, low_pass_hz in (("audio", read.audio.bandwidth_hz), ("external", bandwidth)):
        if mel.mask_dead_bands and spectrogram.dead_bands(audio.highest_hz(highest, low_pass_hz), mel).all():
            expected = f"above spectrogram.min_hz, {mel.min_hz:g}: else spectrogram.mask_dead_bands leaves no band"
            yield _problem(f"{key}.bandwidth_hz", expected, low_pass_hz)
    smallest = {code: smallest_image(len(ARCHITECTURES[code].filters)) for code in read.sweep.architectures}
    smallest[read.published.architecture] = smallest_image(len(ARCHITECTURES[read.published.architecture].filters))
    if min(mel.image_shape) < max(smallest.values()):
        expected = f"at least {max(smallest.values())} of each for {max(smallest, key=smallest.__getitem__)}"
        found = f"{mel.mel_bands} and {mel.frames}"
        yield _problem("spectrogram.mel_bands and spectrogram.frames", expected, found)
    for key, parts, size in (
        ("bands", read.explain.bands, mel.mel_bands),
        ("stretches", read.explain.stretches, mel.frames),
    ):
        if parts > size:
            yield _problem(f"explain.{key}", f"at most {size}, the image's", parts)
    for name, of in (("cohort", read.cohort), ("external.cohort", read.external.cohort)):
        if of.source == "common_voice":
            yield _problem(f"{name}.source", "a release with a diagnosis: voc_als or minsk2020", of.source)
    yield from _of_training(read.train)


def between_gender(read: Gender) -> Iterator[Problem]:
    """Rules between blocks of gender/params.yaml."""
    for check in (
        lambda: sequences.check_rate(read.features, read.audio.sample_rate_hz),
        lambda: gender.require_image_size(read.network, read.tune.space, read.features.shape),
    ):
        yield from _refused_by(check)
    if len(read.split.classes) > 2:
        yield _problem("split.age_bands", "one age: the networks have two classes", read.split.age_bands)
    yield from _of_training(read.train)


def smallest_image(layers: int) -> int:
    """Rows and frames that so many convolutions of 3 × 3, each with a pooling of 2 × 2, leave one of."""
    size = 1
    for _ in range(layers):
        size = 2 * size + 2
    return size


def _of_training(train: fits.Settings) -> Iterator[Problem]:
    if train.min_learning_rate > train.learning_rate:
        expected = f"at most train.learning_rate, {train.learning_rate:g}"
        yield _problem("train.min_learning_rate", expected, train.min_learning_rate)


def _refused_by(check: Callable[[], None]) -> list[Problem]:
    try:
        check()
    except BadInput as error:
        return error.problems
    return []


def _problem(key: str, expected: str, found: Any) -> Problem:
    return Problem(f"params.yaml: {key}", expected, str(found), "correct the key in params.yaml, or in -S")
