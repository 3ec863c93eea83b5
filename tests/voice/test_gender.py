"""The baselines of the gender study: what they learn, and from which recordings."""

import numpy as np
import pandas as pd
import pytest

from bulbar.features.voice_measures import MFCC_MEANS, TRACT_MEASURES
from bulbar.voice import fitting, gender

RECIPE = fitting.Recipe(c=1.0)


def f0_table(*, part: str, men: list[float], women: list[float]) -> pd.DataFrame:
    table = pd.DataFrame({"label": [1] * len(men) + [0] * len(women), "mean_f0_hz": [*men, *women], "part": part})
    return table.assign(
        **{name: [f"{part}_{name}_{n}" for n in table.index] for name in ("recording_id", "subject_id")}
    )


def by_f0(*tables: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    return gender.by_f0(pd.concat(tables, ignore_index=True))


def test_the_threshold_lies_between_men_and_women_and_calls_the_lower_voices_men():
    train = f0_table(part="train", men=[95, 105, 110, 120, 130], women=[190, 200, 210, 225, 240])
    test = f0_table(part="test", men=[100, 125], women=[195, 230])
    table, threshold = by_f0(train, test)
    assert 130 < threshold < 190
    assert table["recording_id"].tolist() == test["recording_id"].tolist()
    assert (table["probability"] >= 0.5).tolist() == (test["mean_f0_hz"] < threshold).tolist()
    assert table["probability"].rank().tolist() == [4, 3, 2, 1]


def test_the_threshold_is_learned_from_the_training_recordings_alone():
    train = f0_table(part="train", men=[95, 105, 120], women=[190, 210, 240])
    for others in ([60.0, 70.0], [400.0, 450.0]):
        test = f0_table(part="test", men=others, women=[others[0] + 5])
        _, threshold = by_f0(train, test)
        assert threshold == pytest.approx(by_f0(train, test[:1])[1])


def test_a_recording_without_voice_is_called_by_the_training_median():
    train = f0_table(part="train", men=[100, 110, 120], women=[200, 210, 220])
    test = f0_table(part="test", men=[np.nan], women=[160.0])
    table, _ = by_f0(train, test)
    assert table["probability"].iloc[0] == table["probability"].iloc[1]  # the median of the six is 160


def test_where_f0_is_no_help_there_is_no_threshold():
    """Young and old, each with men and women; and a cohort of whom no voice was measured."""
    train = f0_table(part="train", men=[100.0, 200.0] * 5, women=[100.0, 200.0, 141.0])
    test = f0_table(part="test", men=[100], women=[200])
    table, threshold = by_f0(train, test)
    assert np.isnan(threshold)
    assert len(table) == 2
    silent, none = by_f0(*(table.assign(mean_f0_hz=np.nan) for table in (train, test)))
    assert np.isnan(none)
    assert silent["probability"].tolist() == pytest.approx([10 / 13] * 2, abs=0.01)


def cohort(speakers: int = 40, clips: int = 3, tasks: tuple[str, ...] = ("sentence",), seed: int = 0) -> pd.DataFrame:
    """Speakers of whom every second is a man; formants of women lie 15 % higher, MFCC 3 is 5 dB higher."""
    draws = np.random.default_rng(seed)
    subject = np.repeat(np.arange(speakers), clips)
    label = subject % 2
    table = pd.DataFrame({"recording_id": [f"clip_{n}" for n in range(len(subject))], "label": label})
    table["subject_id"] = [f"speaker_{n:02}" for n in subject]
    table["part"] = np.where(subject < speakers * 0.7, "train", "test")
    table["task"] = np.resize(tasks, len(table))
    table["mean_f0_hz"] = draws.normal(170, 5, len(table))  # F0 decides nothing
    length = np.where(label == 1, 1.0, 1.15) * draws.normal(1, 0.02, len(table))
    vowel = np.where(table["task"] == "I", 2.0, 1.0)
    values = dict(zip(TRACT_MEASURES, np.outer([600, 1200, 2500, 950], length * vowel), strict=True))
    cepstra = {name: draws.normal(0, 3, len(table)) for name in MFCC_MEANS}
    cepstra["mfcc_3_mean_db"] = cepstra["mfcc_3_mean_db"] - 5.0 * label
    return table.assign(**values, **cepstra)


def accuracy(table: pd.DataFrame) -> float:
    return float(((table["probability"] >= 0.5) == (table["label"] == 1)).mean())


def test_formants_and_mfccs_find_what_f0_cannot():
    found, _ = gender.predict(cohort())
    assert list(found) == ["mean_f0_threshold", "formants", "mfcc"]
    assert accuracy(found["formants"]) > 0.95 and accuracy(found["mfcc"]) > 0.6
    assert accuracy(found["mean_f0_threshold"]) < 0.75


@pytest.mark.parametrize("columns", [TRACT_MEASURES, MFCC_MEANS])
def test_a_regression_is_learned_from_the_training_recordings_alone(columns):
    """Neither labels, values nor number of the others matter."""
    table = cohort()
    others = table["part"] == "test"
    one = gender.by_measures(table, columns, RECIPE)
    shuffled = table.assign(label=table["label"].where(~others, 1 - table["label"]))
    assert gender.by_measures(shuffled, columns, RECIPE)["probability"].tolist() == one["probability"].tolist()
    last = table.index[-1]
    changed = table.copy()
    changed.loc[others & (table.index != last), list(columns)] *= 7.0
    for fewer in (changed, table[~others | (table.index == last)]):
        assert gender.by_measures(fewer, columns, RECIPE)["probability"].iloc[-1] == one["probability"].iloc[-1]


def test_formants_count_relative_to_their_mean_in_the_vowel():
    """Between /a/ and /i/ they differ more than between men and women."""
    assert accuracy(gender.by_measures(cohort(tasks=("A", "I", "A", "I")), TRACT_MEASURES, RECIPE)) > 0.9


def test_a_recording_without_measures_gets_the_training_medians():
    table = cohort()
    table.loc[table.index[-1], list(TRACT_MEASURES)] = np.nan
    medians = table.loc[table["part"] == "train", list(TRACT_MEASURES)].median()
    filled = table.copy()
    filled.loc[table.index[-1], list(TRACT_MEASURES)] = medians
    missing, known = (gender.by_measures(each, TRACT_MEASURES, RECIPE) for each in (table, filled))
    assert missing["probability"].tolist() == known["probability"].tolist()


def test_where_nothing_was_measured_everyone_is_as_likely_a_man_as_a_woman():
    table = cohort().assign(**dict.fromkeys(TRACT_MEASURES, np.nan))
    assert set(gender.by_measures(table, TRACT_MEASURES, RECIPE)["probability"]) == {0.5}


@pytest.mark.parametrize("protocol", ["record_wise", "subject_wise"])
def test_every_recording_is_predicted_once_and_by_speaker_in_one_fold(protocol):
    table = cohort()
    found = gender.out_of_fold(table, protocol, seed=1)
    for each in found.values():
        assert sorted(each["recording_id"]) == sorted(table["recording_id"])
        assert set(each["fold"]) == {1, 2, 3, 4, 5}
        folds_of_speaker = each.groupby("subject_id")["fold"].nunique().max()
        assert (folds_of_speaker == 1) == (protocol == "subject_wise")


def test_a_fold_is_predicted_without_its_labels():
    """Other labels would give other folds, so `predict` repeats one fold with all its labels swapped."""
    table = cohort()
    found = gender.out_of_fold(table, "subject_wise", seed=1)["formants"]
    number = found.groupby("fold")["label"].nunique().idxmax()
    of_fold = set(found.loc[found["fold"] == number, "subject_id"])
    parts = np.where(table["subject_id"].isin(of_fold), "test", "train")
    swapped = table.assign(part=parts, label=table["label"].where(parts == "train", 1 - table["label"]))
    again, _ = gender.predict(swapped)
    expected = found[found["fold"] == number].set_index("recording_id")["probability"]
    assert again["formants"].set_index("recording_id")["probability"].to_dict() == expected.to_dict()


def test_there_are_no_folds_of_too_few_or_of_very_many_speakers(monkeypatch):
    assert gender.out_of_fold(cohort(speakers=9), "subject_wise", seed=1) == {}
    assert gender.out_of_fold(cohort(speakers=10), "subject_wise", seed=1)
    monkeypatch.setattr(gender, "MOST_SPEAKERS", 9)
    assert gender.out_of_fold(cohort(speakers=10), "subject_wise", seed=1) == {}


def test_the_mean_f0_of_a_speaker_decides_whether_f0_can():
    f0_of = {"low": [150.0, 158.0], "between": [150.0, 170.0], "edge": [185.0, np.nan], "silent": [np.nan, np.nan]}
    rows = [{"subject_id": name, "mean_f0_hz": value} for name, values in f0_of.items() for value in values]
    found = gender.in_overlap(pd.DataFrame(rows))
    assert found.to_dict() == {"low": False, "between": True, "edge": True, "silent": False}
