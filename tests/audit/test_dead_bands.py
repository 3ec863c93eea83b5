from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import pytest

from bulbar.audit import dead_bands
from bulbar.audit.finding import Finding
from bulbar.features import audio, spectrogram
from tests.features.test_near_duplicates import voice

SETTINGS = spectrogram.Settings()
CLEANING = audio.Settings(min_duration_s=0.5)
SUBJECTS = 24
LABELS = pd.Series([subject % 2 for subject in range(SUBJECTS)], [f"S{subject:02}" for subject in range(SUBJECTS)])
BEGINS_HZ = librosa.mel_frequencies(130, fmin=0, fmax=11025, htk=True)[:-2]


def cohort(bandwidth_of: dict[int, float]) -> tuple[pd.DataFrame, np.ndarray, list[str]]:
    """Two recordings of each subject; the images of each label have the rows above its bandwidth at -70 dB."""
    draw = np.random.default_rng(0)
    rows, images = [], []
    for subject, label in LABELS.items():
        for task in "AE":
            rows.append({"recording_id": f"{subject}_{task}", "subject_id": subject})
            rows[-1]["bandwidth_hz"] = bandwidth_of[label]
            image = draw.uniform(0.3, 1.0, size=(128, 128)).astype(np.float32)
            image[bandwidth_of[label] <= BEGINS_HZ] = 0.125
            images.append(image)
    table = pd.DataFrame(rows)
    return table, np.stack(images), table["recording_id"].tolist()


def recorded(peaks: dict[str, float], folder: Path, settings: spectrogram.Settings = SETTINGS) -> np.ndarray:
    """One voice of each subject at a peak of its own, written as 16 bit at 8 kHz, cleaned, written again, its image."""
    images = []
    for place, peak in enumerate(peaks.values()):
        samples = voice(place, seconds=1.0, rate=8000)
        samples = np.round(32767 * peak * samples / np.abs(samples).max()).astype(np.int16)
        audio.write(folder / "released.wav", samples, 8000)
        audio.write(folder / "cleaned.wav", audio.clean(folder / "released.wav", CLEANING), 22050)
        images.append(spectrogram.image_of_file(folder / "cleaned.wav", settings, 4000.0)[0])
    return np.stack(images)


def of_levels(peaks: dict[str, float], folder: Path, settings: spectrogram.Settings = SETTINGS) -> Finding:
    """The finding on the content of the bands above 4 kHz."""
    conditions = pd.DataFrame({"recording_id": list(peaks), "subject_id": list(peaks), "bandwidth_hz": 4000.0})
    images = recorded(peaks, folder, settings)
    sources, content = dead_bands.probe(conditions, LABELS, images, list(peaks), settings)
    assert (sources.of, sources.verdict, content.of) == ("sources", "clear", "content")
    return content


@pytest.mark.parametrize("narrow", [0, 1])
def test_a_group_that_was_recorded_at_another_rate_is_found_by_the_extent_of_its_dead_bands(narrow):
    conditions, images, names = cohort({1 - narrow: 11025.0, narrow: 4000.0})
    (sources,) = dead_bands.probe(conditions, LABELS, images, names, SETTINGS)
    assert (sources.of, sources.verdict, sources.p) == ("sources", "leak", 0.001)
    assert sources.details["auc"] == 1
    assert sources.details["mean_share"] == {"positive": narrow * 40 / 128, "negative": (1 - narrow) * 40 / 128}
    assert sources.value == pytest.approx(20 / 128)
    assert "That share alone predicts the label" in sources.sentence


def test_bands_that_are_dead_and_hold_the_same_in_everyone_predict_no_label():
    conditions, images, names = cohort({0: 4000.0, 1: 4000.0})
    sources, content = dead_bands.probe(conditions, LABELS, images, names, SETTINGS)
    for finding in (sources, content):
        assert (finding.verdict, finding.p) == ("clear", 1)
    assert (sources.value, sources.low, sources.high) == pytest.approx((40 / 128,) * 3)
    assert "31.2 %" in sources.sentence and "the same in everyone" in sources.sentence
    assert content.value == 0.5
    assert content.details["mean_level_db"] == {"positive": -70, "negative": -70}
    assert "contain the same level in everyone, -70 dB" in content.sentence


def test_what_differs_between_people_and_not_between_groups_is_clear():
    conditions, images, names = cohort({0: 11025.0, 1: 11025.0})
    draw = np.random.default_rng(3)
    conditions["bandwidth_hz"] = draw.permutation(np.repeat([4000.0, 8000.0, 11025.0], 16))
    for finding in dead_bands.probe(conditions, LABELS, images, names, SETTINGS):
        assert finding.verdict == "clear", finding.of


@pytest.mark.parametrize("louder", [0, 1])
def test_a_group_that_was_recorded_louder_is_found_by_the_noise_of_rounding_above_its_bandwidth(tmp_path, louder):
    draw = np.random.default_rng(1)
    peak_db = {name: draw.normal(-6 if label == louder else -26, 3) for name, label in LABELS.items()}
    content = of_levels({name: min(10 ** (db / 20), 0.99) for name, db in peak_db.items()}, tmp_path)
    assert (content.verdict, content.figure, content.p) == ("leak", "AUC per subject", 0.001)
    assert content.value > 0.95
    level = content.details["mean_level_db"]
    quieter, loud = ("negative", "positive") if louder else ("positive", "negative")
    assert level[quieter] > level[loud] + 3, "the image is relative to the recording's own maximum"
    assert "That level alone predicts the label: AUC" in content.sentence


def test_people_recorded_at_the_same_levels_in_both_groups_are_clear(tmp_path):
    peak_db = np.repeat(np.linspace(-36, -3, SUBJECTS // 2), 2)  # labels alternate: each level once in each group
    content = of_levels(dict(zip(LABELS.index, 10 ** (peak_db / 20), strict=True)), tmp_path)
    assert content.verdict == "clear" and content.p > 0.05
    assert "does not predict the label" in content.sentence


def test_a_masked_image_holds_nothing_there_that_predicts_the_label(tmp_path):
    masked = SETTINGS.model_copy(update={"mask_dead_bands": True})
    content = of_levels({name: 0.5 if label else 0.05 for name, label in LABELS.items()}, tmp_path, masked)
    assert (content.verdict, content.value) == ("clear", 0.5)
    assert "contain the same level in everyone, -80 dB" in content.sentence


def test_the_level_goes_on_rising_where_noise_fills_every_pixel(tmp_path):
    """Why the probe does not count the pixels above the floor: they are all there is long before this."""
    images = recorded({f"{db}": 10 ** (db / 20) for db in (-20, -30, -40)}, tmp_path)
    dead = np.tile(BEGINS_HZ >= 4000, (3, 1))
    assert [float(np.mean(image[BEGINS_HZ >= 4000] > 0)) for image in images] == [1, 1, 1]
    assert (np.diff(dead_bands.level_db(images, dead)) > 5).all()


def test_the_level_is_the_mean_over_the_pixels_of_each_image_s_own_dead_bands():
    images = np.random.default_rng(0).uniform(size=(70, 6, 5)).astype(np.float32)
    dead = np.random.default_rng(1).random((70, 6)) < 0.5
    dead[3] = False
    held = [image[rows] for image, rows in zip(images, dead, strict=True)]
    expected = [-60 * (1 - pixels.mean()) if pixels.size else np.nan for pixels in held]
    np.testing.assert_allclose(dead_bands.level_db(images, dead, floor_db=-60.0), expected, rtol=1e-6)


def test_rows_of_one_recording_are_averaged_before_subjects_are():
    conditions, images, names = cohort({0: 4000.0, 1: 4000.0})
    images += np.linspace(0, 0.3, len(images), dtype=np.float32)[:, np.newaxis, np.newaxis]
    once = dead_bands.probe(conditions, LABELS, images, names, SETTINGS)
    twice = dead_bands.probe(conditions, LABELS, np.repeat(images, 2, axis=0), np.repeat(names, 2).tolist(), SETTINGS)
    assert twice == once and len(once) == 2


def test_groups_of_fewer_than_5_are_not_shown():
    conditions, images, names = cohort({0: 4000.0, 1: 11025.0})
    few = LABELS.copy()
    few[few.index[few == 1][4:]] = 0
    (sources,) = dead_bands.probe(conditions, few, images, names, SETTINGS)
    assert sources.details["mean_share"] == {"positive": None, "negative": None}
    assert "group" not in sources.sentence


def test_the_content_of_dead_bands_that_fewer_than_5_of_a_class_have_is_left_out():
    conditions, images, names = cohort({0: 4000.0, 1: 11025.0})
    of_a_few = conditions["subject_id"].isin(LABELS.index[LABELS == 1][:4])
    conditions.loc[of_a_few, "bandwidth_hz"] = 4000.0
    assert [finding.of for finding in dead_bands.probe(conditions, LABELS, images, names, SETTINGS)] == ["sources"]


def test_mfcc_images_have_no_bands():
    conditions, images, names = cohort({0: 4000.0, 1: 4000.0})
    assert dead_bands.probe(conditions, LABELS, images, names, spectrogram.Settings(representation="mfcc")) == []


def test_recordings_that_did_not_come_through_are_left_out():
    conditions, images, names = cohort({0: 4000.0, 1: 4000.0})
    gone = pd.DataFrame([{"recording_id": "gone", "subject_id": "gone", "bandwidth_hz": 4000.0}])
    found = dead_bands.probe(pd.concat([conditions, gone]), LABELS, images, names, SETTINGS, shuffles=99, draws=100)
    assert [finding.details["subjects"] for finding in found] == [SUBJECTS, SUBJECTS]
