import librosa
import numpy as np
import pandas as pd
import pytest

from bulbar.audit import dead_bands
from bulbar.features import spectrogram
from tests.features.test_near_duplicates import RATE, voice

SETTINGS = spectrogram.Settings()
SUBJECTS = 24
LABELS = pd.Series([subject % 2 for subject in range(SUBJECTS)], [f"S{subject:02}" for subject in range(SUBJECTS)])


def cohort(bandwidth_of: dict[int, float]) -> tuple[pd.DataFrame, np.ndarray, list[str]]:
    """Two recordings of each subject; the images of each label have the rows above its bandwidth at -70 dB."""
    draw = np.random.default_rng(0)
    hz = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 11025 / 700), 130) / 2595) - 1)  # equation 4, inverted
    rows, images = [], []
    for subject, label in LABELS.items():
        for task in "AE":
            rows.append({"recording_id": f"{subject}_{task}", "subject_id": subject})
            rows[-1]["bandwidth_hz"] = bandwidth_of[label]
            image = draw.uniform(0.3, 1.0, size=(128, 128)).astype(np.float32)
            image[hz[:-2] >= bandwidth_of[label]] = 0.125
            images.append(image)
    table = pd.DataFrame(rows)
    return table, np.stack(images), table["recording_id"].tolist()


def test_a_group_that_was_recorded_at_a_lower_rate_is_told_by_its_empty_bands():
    conditions, images, names = cohort({0: 11025.0, 1: 4000.0})
    findings = dead_bands.probe(conditions, LABELS, images, names, SETTINGS)
    assert [finding.of for finding in findings] == ["sources", "images"]
    for finding in findings:
        assert finding.verdict == "leak"
        assert finding.p == 0.001
        assert finding.details["auc"] == 1
        assert finding.details["mean_share"] == {"positive": 40 / 128, "negative": 0}
        assert finding.value == pytest.approx(20 / 128)
        assert "tells the label" in finding.sentence


def test_a_group_that_was_recorded_at_a_higher_rate_is_told_as_well():
    conditions, images, names = cohort({0: 4000.0, 1: 11025.0})
    assert [finding.verdict for finding in dead_bands.probe(conditions, LABELS, images, names, SETTINGS)] == [
        "leak"
    ] * 2


def test_bands_that_are_empty_in_everyone_tell_no_label():
    conditions, images, names = cohort({0: 4000.0, 1: 4000.0})
    for finding in dead_bands.probe(conditions, LABELS, images, names, SETTINGS):
        assert finding.verdict == "clear"
        assert finding.p == 1
        assert (finding.value, finding.low, finding.high) == pytest.approx((40 / 128,) * 3)
        assert "31.2 %" in finding.sentence
        assert "everyone alike" in finding.sentence


def test_what_differs_between_people_and_not_between_groups_is_clear():
    conditions, images, names = cohort({0: 11025.0, 1: 11025.0})
    draw = np.random.default_rng(3)
    conditions["bandwidth_hz"] = draw.permutation(np.repeat([4000.0, 8000.0, 11025.0], 16))
    assert dead_bands.probe(conditions, LABELS, images, names, SETTINGS)[0].verdict == "clear"


def test_the_share_of_an_8_khz_source_is_that_of_the_mel_scale():
    mel = 2595 * np.log10(1 + np.array([4000, 11025]) / 700)
    expected = 1 - mel[0] / mel[1]
    assert dead_bands.nominal_share(np.array([4000.0]), SETTINGS)[0] == pytest.approx(expected, abs=2 / 128)
    assert dead_bands.nominal_share(np.array([11025.0, 22050.0]), SETTINGS).tolist() == [0, 0]


def test_what_is_measured_on_a_real_image_is_what_its_source_leaves_empty():
    once = librosa.resample(voice(0), orig_sr=RATE, target_sr=8000)
    resampled = librosa.resample(once, orig_sr=8000, target_sr=22050)
    rounded = (np.round(resampled * 32768) / 32768).astype(np.float32)
    images = spectrogram.image_of(rounded, 22050, SETTINGS)
    assert dead_bands.measured_share(images)[0] == pytest.approx(40 / 128, abs=4 / 128)
    full = spectrogram.image_of(np.random.default_rng(0).normal(size=44100).astype(np.float32), 22050, SETTINGS)
    assert dead_bands.measured_share(full)[0] == 0


def test_rows_of_one_recording_are_averaged_before_subjects_are():
    conditions, images, names = cohort({0: 4000.0, 1: 4000.0})
    once = dead_bands.probe(conditions, LABELS, images, names, SETTINGS)
    twice = dead_bands.probe(
        conditions, LABELS, np.repeat(images, 2, axis=0), [n for n in names for _ in "12"], SETTINGS
    )
    assert twice == once


def test_groups_of_fewer_than_5_are_not_shown():
    conditions, images, names = cohort({0: 4000.0, 1: 11025.0})
    few = LABELS.copy()
    few[few.index[few == 1][4:]] = 0
    for finding in dead_bands.probe(conditions, few, images, names, SETTINGS):
        assert finding.details["mean_share"] == {"positive": None, "negative": None}
        assert "group" not in finding.sentence


def test_mfcc_images_have_no_bands():
    conditions, images, names = cohort({0: 4000.0, 1: 4000.0})
    assert dead_bands.probe(conditions, LABELS, images, names, spectrogram.Settings(representation="mfcc")) == []


def test_recordings_that_did_not_come_through_are_left_out():
    rows, settings = 12, spectrogram.Settings()
    names = [f"S{n:02}" for n in range(rows)]
    conditions = pd.DataFrame(
        {"recording_id": [*names, "gone"], "subject_id": [*names, "gone"], "bandwidth_hz": 4000.0}
    )
    labels = pd.Series([0, 1] * 6, index=names)
    images = np.ones((rows, settings.mel_bands, 8), dtype=np.float32)
    found = dead_bands.probe(conditions, labels, images, names, settings, shuffles=99, draws=100)
    assert [finding.details["subjects"] for finding in found] == [rows, rows]
