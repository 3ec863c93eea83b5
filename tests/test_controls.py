"""Controls: where there is nothing to find, a split by subject says so, and a split by recording does not."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from bulbar.audit.label_probe import LabelProbe, probe_label, summary_of_images
from bulbar.cohort import folds
from bulbar.core.digests import file_digest
from bulbar.core.names import PROTOCOLS, Cell
from bulbar.features import audio, spectrogram
from bulbar.phantom import voc_als, voice
from bulbar.scoring import intervals, metrics
from bulbar.training import als, fits, trainer

CLEANING = audio.Settings(min_duration_s=0.5)
TASKS = ("A", "KA", "PA", "TA")  # one vowel, so that a voice can be known again from one task to the next
STRONG = 60.0  # all but the mildest patients are as ill as the published ranges go: a quick look suffices


def cohort(
    seed: int, *, effect: float, subjects: int = 45, tasks=TASKS, takes: int = 1, mel: spectrogram.Settings
) -> tuple[np.ndarray, pd.DataFrame]:
    """Mel images of a phantom with recordings of about two seconds, and recording_id, subject_id, label, task.

    takes: how often each subject records each task.
    """
    wanted = voc_als.Settings(
        subjects=subjects, tasks=tasks, effect=effect, missingness="none", median_duration_s=2.0, max_epochs=1
    )
    images, rows = [], []
    for subject, task, take in product(voc_als.cohort(wanted, seed), wanted.tasks, range(takes)):
        samples, _ = voc_als.record(subject, task, seed + take)
        cleaned = audio.resample(samples / np.float32(2**15), voice.SAMPLE_RATE_HZ, CLEANING.sample_rate_hz)
        cleaned = audio.remove_silence(cleaned, top_db=CLEANING.top_db)
        images.append(spectrogram.image_of(cleaned, CLEANING.sample_rate_hz, mel)[0])
        name = f"{subject.subject_id}_{task}_{take}"
        rows.append((name, subject.subject_id, int(subject.label == "ALS"), task))
    return np.stack(images), pd.DataFrame(rows, columns=["recording_id", "subject_id", "label", "task"])


def both_protocols(seed: int, effect: float, subjects: int = 45) -> dict[str, LabelProbe]:
    """What the quick classifier scores on a phantom: per recording where split by recording, else per subject."""
    mel = spectrogram.Settings(mel_bands=64, frames=32)
    images, table = cohort(seed, effect=effect, subjects=subjects, mel=mel)
    features = summary_of_images(images, table["recording_id"])
    found = {}
    for protocol in PROTOCOLS:
        split = folds.assign(table, protocol, folds.Settings(), seed)
        found[protocol] = probe_label(features, split, within=table["task"], shuffles=19, seed=seed)
    return found


@pytest.mark.parametrize(
    ("effect", "subjects", "phantoms", "at_least"),
    [
        (0.0, 30, 1, 1),
        pytest.param(0.0, 30, 3, 3, marks=pytest.mark.slow),
        pytest.param(0.0, 45, 20, 17, marks=pytest.mark.slow),
        pytest.param(STRONG, 45, 10, 9, marks=pytest.mark.slow),
    ],
)
def test_labels_are_found_where_speakers_are_on_both_sides_and_elsewhere_only_with_an_effect(
    effect, subjects, phantoms, at_least
):
    found = [both_protocols(seed, effect, subjects) for seed in range(phantoms)]
    by_subject = [probe["subject_wise"] for probe in found]
    assert sum(probe["record_wise"].low > 0.5 for probe in found) >= at_least
    assert sum(one.low > 0.5 if effect else one.low <= 0.5 <= one.high for one in by_subject) >= at_least


@pytest.mark.slow
def test_the_papers_network_does_on_an_effectless_phantom_what_the_quick_classifier_does(tmp_path):
    """Four takes of each task: of one take each, so small a cohort is too small for it to know the voices."""
    mel = spectrogram.Settings(mel_bands=64, frames=64)
    images, table = cohort(0, effect=0.0, tasks=("A", "PA"), takes=4, mel=mel)
    np.save(tmp_path / "images.npy", images)
    study = fits.Study(
        images=tmp_path / "images.npy",
        features_digest=file_digest(tmp_path / "images.npy"),
        labels=table["label"].to_numpy(),
        settings=fits.Settings(),
        seed=2025,
    )
    found = {}
    for protocol in PROTOCOLS:
        split = folds.assign(table, protocol, folds.Settings(), seed=0)
        data = als.ProtocolData(protocol, split, np.arange(len(split)), mel.image_shape, study)
        plans = [als.audio_fit(data, Cell("S1B", 0.3), fold) for fold in data.folds]
        found[protocol] = als.predictions(data, plans, [trainer.train(fit, study) for fit in plans])
    low, _ = intervals.intervals(found["record_wise"])["roc_auc"]
    assert low > 0.5
    low, high = intervals.intervals(metrics.per_subject(found["subject_wise"]))["roc_auc"]
    assert low <= 0.5 <= high
