"""The synthetic cohort: its make-up, what the disease does to it, and that without effect it does nothing."""

from collections import Counter
from dataclasses import fields

import numpy as np
import pytest
from scipy import signal, stats

from bulbar.core.names import TASKS
from bulbar.phantom import voc_als
from tests.phantom.synthesised import by_praat

SEED = 2025
DEFAULT = {
    "subjects": 45,
    "tasks": ("A", "PA"),
    "effect": 1.0,
    "missingness": "as_released",
    "median_duration_s": 13.6,
    "max_epochs": 6,
}


def wanted(**changes):
    return voc_als.Settings.model_validate({**DEFAULT, **changes})


def cohort(**changes):
    return voc_als.cohort(wanted(**changes), SEED)


def groups(subjects, value):
    values = {"ALS": [], "HC": []}
    for subject in subjects:
        values[subject.label].append(value(subject))
    return values["ALS"], values["HC"]


def traits(subject):
    """Every number that shapes a subject, one recording of each kind included."""
    speaker = subject.speaker
    seen = {field.name: getattr(speaker, field.name) for field in fields(speaker)}
    seen.pop("sex")
    seen["idiosyncrasy"] = seen["idiosyncrasy"]["A"][0]
    for task in ("A", "PA"):
        rng = np.random.default_rng([int(subject.subject_id[2:]), subject.label == "ALS", task == "A"])
        take = voc_als.take(subject.speaker, task, rng)
        seen |= {f"{task} {name}": getattr(take, name) for name in ("duration_s", "zeros_s", "lead_s", "tail_s")}
        seen |= {f"{task} level": take.level_db, f"{task} room": take.room_db, f"{task} f0": take.phonation.f0_hz}
    return seen | {"age": subject.age_years, "cantagallo": subject.cantagallo}


def test_a_cohort_of_the_releases_size_has_the_releases_shares():
    subjects = cohort(subjects=153)
    assert Counter(each.label for each in subjects) == {"ALS": 102, "HC": 51}
    assert Counter(each.label + each.sex for each in subjects) == {"ALSM": 65, "ALSF": 37, "HCM": 32, "HCF": 19}
    patients = [each.cells for each in subjects if each.label == "ALS"]
    shares = {
        "ALSFRS-R_SpeechSubscore": {4: 53, 3: 31, 2: 13, 1: 5},
        "OnsetRegion": {"spinal": 82, "bulbar": 20},
        "Therapy": {"Riluzole": 52, "None": 49, "Riluzole and Tofersen": 1},
        "GeneticTest": {"negative": 96, "C9ORF72 expansion": 4, "SOD1 ": 1, "TARDBP": 1},
        "Revised_ElEscorial_Criteria": {"definite": 36, "probable lab-supported": 27, "probable ": 26, "possible": 13},
    }
    for column, expected in shares.items():
        assert Counter(cells[column] for cells in patients) == expected
    assert Counter(cells["KingClinicalStage"] for cells in patients)["4A/B"] == 1


def test_ids_rise_with_gaps_and_say_the_group():
    subjects = cohort()
    for prefix, label in (("CT", "HC"), ("PZ", "ALS")):
        names = [each.subject_id for each in subjects if each.label == label]
        assert all(name.startswith(prefix) and len(name) == 5 for name in names)
        numbers = [int(name[2:]) for name in names]
        assert sorted(set(numbers)) == numbers
        assert numbers[-1] > len(numbers)


@pytest.mark.parametrize("subjects", [6, 7, 20, 45, 153])
@pytest.mark.parametrize("missingness", ["as_released", "none"])
def test_clinical_cells_keep_the_releases_rules(subjects, missingness):
    people = cohort(subjects=subjects, missingness=missingness)
    for person in people:
        cells = person.cells
        if not cells:
            assert person.label == "HC" and missingness == "as_released"
            continue
        items = [value for name, value in cells.items() if name.endswith("Subscore") and name.startswith("ALSFRS-R_")]
        scores = [value for value in items if value != "-"]
        assert len(items) == 13 and len(scores) == 12
        assert all(0 <= score <= 4 for score in scores)
        assert cells["ALSFRS-R_TotalScore"] == sum(scores) <= 46
        rate = (48 - sum(scores)) / cells["DiseaseDuration"]
        assert cells[" ProgressionRate "] == pytest.approx(rate, abs=1e-4)
        assert 1 <= cells["DiagnosticDelay"] <= cells["DiseaseDuration"]
        assert cells["FVC% "] == "-" or 0 < cells["FVC% "] <= 126
    patients = [person.cells for person in people if person.label == "ALS"]
    assert sum(cells["FVC% "] == "-" for cells in patients) == 1
    assert sum(cells["ALSFRS-R_CuttingFoodWithGastrostomySubscore"] != "-" for cells in patients) == 1


def test_without_effect_the_groups_share_every_distribution():
    subjects = cohort(subjects=900, effect=0.0)
    patients, controls = groups(subjects, traits)
    for name in patients[0]:
        ours, theirs = [each[name] for each in patients], [each[name] for each in controls]
        assert stats.ks_2samp(ours, theirs).pvalue > 0.001, name
        assert min(ours) == max(ours) == max(theirs) or stats.mannwhitneyu(ours, theirs).pvalue > 0.001, name
    men, others = groups(subjects, lambda subject: subject.sex == "M")
    assert np.mean(men) == pytest.approx(np.mean(others), abs=0.005)


def test_with_effect_patients_sound_different_and_are_recorded_the_same():
    patients, controls = groups(cohort(subjects=900), traits)

    def p_value(name):
        return stats.mannwhitneyu([each[name] for each in patients], [each[name] for each in controls]).pvalue

    impaired = [
        "jitter",
        "shimmer",
        "hnr_db",
        "tremor",
        "wander",
        "f0_spread",
        "rate_factor",
        "irregularity",
        "cantagallo",
    ]
    assert all(p_value(name) < 1e-4 for name in impaired)
    unimpaired = ["age", "f0_factor", "tract", "level_db", "room_db", "A zeros_s", "PA lead_s", "tilt_db", "tremor_hz"]
    assert all(p_value(name) > 0.001 for name in unimpaired)


def test_patients_rated_normal_hardly_differ_from_controls_and_the_others_do():
    subjects = cohort(subjects=900)
    rates = {"HC": [], "normal": [], "impaired": []}
    for each in subjects:
        normal = each.cells.get("ALSFRS-R_SpeechSubscore") == 4
        rates["HC" if each.label == "HC" else "normal" if normal else "impaired"].append(each.speaker.rate_factor)
    chance = len(rates["HC"])
    normal = stats.mannwhitneyu(rates["HC"], rates["normal"]).statistic / chance / len(rates["normal"])
    impaired = stats.mannwhitneyu(rates["HC"], rates["impaired"]).statistic / chance / len(rates["impaired"])
    assert normal < 0.6 < 0.8 < impaired


def test_effect_and_missingness_change_only_what_they_name():
    for with_effect, without in zip(cohort(), cohort(effect=0.0), strict=True):
        for name in ("subject_id", "sex", "age_years", "cells"):
            assert getattr(with_effect, name) == getattr(without, name)
        assert with_effect == without or with_effect.label == "ALS"
    for filled, dashed in zip(cohort(missingness="none"), cohort(), strict=True):
        assert filled.speaker == dashed.speaker and filled.cantagallo == dashed.cantagallo
        assert filled.cells == dashed.cells or (filled.label == "HC" and dashed.cells == {})


def test_without_missingness_controls_have_the_patients_clinical_cells():
    subjects = cohort(subjects=900, missingness="none")
    for column in ("ALSFRS-R_TotalScore", "DiseaseDuration", "MRC_HeadMuscles", "ALSFRS-R_SpeechSubscore"):
        patients, controls = groups(subjects, lambda subject, column=column: subject.cells[column])
        assert stats.ks_2samp(patients, controls).pvalue > 0.001


def test_durations_are_lognormal_about_the_median_and_within_the_releases_range():
    subjects = cohort(subjects=900, effect=0.0)
    durations = [
        voc_als.take(each.speaker, "A", np.random.default_rng(i)).duration_s for i, each in enumerate(subjects)
    ]
    assert np.median(durations) == pytest.approx(13.6, rel=0.05)
    assert np.mean(durations) == pytest.approx(14.8, rel=0.05)
    assert min(durations) >= 1.5 and max(durations) <= 48.2


def test_the_disease_shortens_recordings_to_0_7_times_at_any_effect():
    def medians(effect):
        return [one.speaker.duration_s for one in cohort(subjects=60, effect=effect) if one.label == "ALS"]

    shares = [ill / well for ill, well in zip(medians(50.0), medians(0.0), strict=True)]
    assert min(shares) == pytest.approx(1 / 1.45)
    assert max(shares) <= 1


def test_a_recording_is_as_long_as_drawn_and_may_open_with_exact_zeros():
    subjects = cohort(median_duration_s=2.0)
    opens_silent = 0
    for subject in subjects[:8]:
        samples, _ = voc_als.record(subject, "PA", SEED)
        assert samples.dtype == np.int16 and samples.ndim == 1
        assert 1.5 * 8000 <= len(samples) <= 48.2 * 8000
        assert np.abs(samples.astype(int)).max() > 900
        assert abs(samples.mean()) < 0.05, "a microphone transmits no constant part"
        opens_silent += not samples[:80].any()
    assert 0 < opens_silent < 8


def test_a_recording_depends_on_its_own_name_only():
    few, all_tasks = cohort(median_duration_s=2.0), cohort(median_duration_s=2.0, tasks=TASKS)
    assert np.array_equal(voc_als.record(few[3], "PA", SEED)[0], voc_als.record(all_tasks[3], "PA", SEED)[0])
    assert not np.array_equal(voc_als.record(few[3], "PA", SEED)[0], voc_als.record(few[3], "PA", SEED + 1)[0])


def test_praat_measures_the_disease_in_the_most_severe_voice():
    healthy, ill = cohort(effect=0.0, median_duration_s=4.0), cohort(median_duration_s=4.0)
    worst = max(range(len(ill)), key=lambda at: ill[at].severity)
    measured = []
    for subject in (healthy[worst], ill[worst]):
        samples, truth = voc_als.record(subject, "A", SEED)
        measured.append(by_praat(samples / 32768))
        assert measured[-1]["mean_f0_hz"] == pytest.approx(truth.mean_f0_hz, rel=0.02)
    better, worse = measured
    assert all(worse[name] > better[name] for name in ("jitter", "shimmer", "sd_f0_hz"))
    assert worse["hnr_db"] < better["hnr_db"]


def test_another_recorder_changes_rate_level_and_noise_and_no_voice():
    patient = cohort()[-1]
    near, truth = voc_als.record(patient, "A", SEED)
    far, same_truth = voc_als.record(patient, "A", SEED, voc_als.Recorder(16000, level_db=-8.0, noise_db=14.0))
    assert same_truth.mean_f0_hz == truth.mean_f0_hz
    assert same_truth.hnr_db == pytest.approx(truth.hnr_db, abs=0.5)
    assert len(far) == pytest.approx(2 * len(near), abs=1)
    drawn = voc_als.take(patient.speaker, "A", voc_als._rng(SEED, f"{patient.subject_id}_A"))
    begin = drawn.zeros_s + drawn.lead_s

    def levels_db(samples, rate):
        voiced = samples[round(begin * rate) :]
        noise = samples[round((drawn.zeros_s + 0.02) * rate) : round(begin * rate)]
        return 20 * np.log10(noise.std()), 20 * np.log10(voiced.std())

    noise_db, level_db = np.subtract(levels_db(far.astype(float), 16000), levels_db(near.astype(float), 8000))
    assert noise_db == pytest.approx(14, abs=1.5)
    assert level_db == pytest.approx(-8, abs=1)
    frequencies, power = signal.welch(far, 16000, nperseg=2048)
    assert power[(frequencies > 4000) & (frequencies < 7500)].min() > 0.01  # one step of 16 bit, rounded: 1e-5
