import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from bulbar.paper import gender_table

DRAWING = {"draws": 200, "level": 0.95, "seed": 1}
PAPER = pd.DataFrame(
    [["CNN", "92", "92.5", "93", "92.8"]], columns=["model", "male_accuracy", "precision", "recall", "f1"]
)


def predicted(speakers: int = 20, clips: int = 3, seed: int = 0) -> pd.DataFrame:
    """Half of the speakers are men; a probability that is mostly right."""
    draws = np.random.default_rng(seed)
    subject = np.repeat(np.arange(speakers), clips)
    label, clip = subject % 2, np.arange(len(subject))
    table = pd.DataFrame({"recording_id": [f"clip_{n}" for n in clip], "label": label})
    table["subject_id"] = [f"speaker_{n}" for n in subject]
    return table.assign(probability=np.clip(label + draws.normal(0, 0.5, len(label)), 0.01, 0.99))


@pytest.fixture(scope="module")
def one() -> pd.DataFrame:
    return gender_table.table_1({"cnn": predicted(), "lstm": predicted(seed=1)}, PAPER, **DRAWING)


def test_table_1_is_in_percent_what_scikit_learn_gives_for_the_clips(one):
    row, table = one[(one["model"] == "cnn") & (one["unit"] == "clip")].iloc[0], predicted()
    calls = table["probability"] >= 0.5
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(table["label"], calls, average="binary")
    assert row[["precision", "recall", "f1"]].tolist() == pytest.approx([100 * precision, 100 * recall, 100 * f1])
    assert row["male_accuracy"] == pytest.approx(100 * calls[table["label"] == 1].mean())
    assert row["accuracy"] == pytest.approx(100 * metrics.accuracy_score(table["label"], calls))
    assert row["roc_auc"] == pytest.approx(100 * metrics.roc_auc_score(table["label"], table["probability"]))


def test_by_speaker_the_mean_probability_over_the_clips_counts(one):
    row = one[(one["model"] == "cnn") & (one["unit"] == "speaker")].iloc[0]
    means = predicted().groupby("subject_id")[["label", "probability"]].mean()
    assert row["roc_auc"] == pytest.approx(100 * metrics.roc_auc_score(means["label"], means["probability"]))


def test_every_score_lies_within_its_interval_and_the_papers_are_in_its_own_rows(one):
    for score in gender_table.SCORES:
        assert (one[f"{score}_low"] <= one[score] + 1e-9).all()
        assert (one[score] <= one[f"{score}_high"] + 1e-9).all()
    paper = one.set_index(["model", "unit"])["male_accuracy_paper"]
    assert paper["cnn", "clip"] == 92
    assert paper.drop(("cnn", "clip")).isna().all()
    assert one["roc_auc_paper"].isna().all()


def grouped(ages: list[float], accents: list[str] | None = None) -> pd.DataFrame:
    subjects = pd.DataFrame({"subject_id": [f"speaker_{n}" for n in range(20)], "age_years": ages})
    if accents:
        subjects["accent"] = accents
    return gender_table.by_group({"cnn": predicted()}, subjects, **DRAWING)


def test_groups_are_decades_and_accents_and_have_the_scores_of_their_clips():
    groups = grouped([25.0] * 10 + [33.0] * 10, ["England English"] * 20)
    names = (groups["grouping"] + ": " + groups["group"]).tolist()
    assert names == ["age: 20 to 29", "age: 30 to 39", "accent: England English"]
    own, first = predicted()[:30], groups.iloc[0]
    assert (first["speakers"], first["clips"]) == (10, 30)
    assert first["accuracy"] == pytest.approx(((own["probability"] >= 0.5) == (own["label"] == 1)).mean())
    men = own[own["label"] == 1]
    assert first["recall_positive"] == pytest.approx((men["probability"] >= 0.5).mean())


@pytest.mark.parametrize(
    ("ages", "speakers"),
    [
        ([25.0] * 12 + [33.0] * 4 + [np.nan] * 4, {"20 to 29": 12, "others": 8}),
        (
            [25.0] * 11 + [33.0] * 6 + [71.0] * 3,
            {"20 to 29": 11, "others": 9},
        ),  # three of 20 alone: the total reveals them
    ],
)
def test_small_groups_are_put_together_until_the_total_reveals_none(ages, speakers):
    found = grouped(ages).set_index("group")
    assert found["speakers"].to_dict() == speakers
    assert found["clips"].sum() == 60


def test_the_recall_of_a_few_men_is_shown_in_no_group():
    groups = grouped([25.0] * 8 + [33.0] * 12)  # four men and four women, and six of each
    assert groups[["recall_positive", "recall_negative"]].isna().all(axis=None)
    assert groups["accuracy"].notna().all()


def test_of_fewer_than_five_speakers_nothing_is_shown():
    table = predicted(speakers=4)
    subjects = pd.DataFrame({"subject_id": table["subject_id"].unique(), "age_years": [25.0, 25.0, 33.0, 33.0]})
    (row,) = gender_table.by_group({"cnn": table}, subjects, **DRAWING).to_dict("records")
    assert (row["group"], row["speakers"], row["clips"]) == ("others", "<5", "withheld")
    assert np.isnan([row[name] for name in ("accuracy", "accuracy_low", "recall_positive")]).all()


def test_each_model_is_set_beside_the_baseline_with_an_interval():
    label = predicted()["label"].to_numpy()
    right, wrong = predicted().assign(probability=label), predicted().assign(probability=1 - label)
    models = {"f0": predicted(), "right": right, "wrong": wrong, "same": predicted()}
    found = gender_table.above(models, "f0", **DRAWING)
    verdicts = {"right": "beats it", "wrong": "falls short", "same": "not shown"}
    assert dict(zip(found["model"], found["verdict"], strict=True)) == verdicts
    accuracy = metrics.accuracy_score(label, predicted()["probability"] >= 0.5)
    assert found["points"].tolist() == pytest.approx([100 * (1 - accuracy), -100 * accuracy, 0])
    assert (found["points_low"] <= found["points"]).all() and (found["points"] <= found["points_high"]).all()


def test_without_a_paper_no_column_is_its_and_none_names_men():
    table = gender_table.table_1({"cnn": predicted()}, pd.DataFrame({"model": []}), **DRAWING)
    assert not [name for name in table.columns if "paper" in name or "male" in name]
    men = predicted()[predicted()["label"] == 1]
    assert table["positive_accuracy"].iloc[0] == pytest.approx(100 * (men["probability"] >= 0.5).mean())


def test_a_cohort_without_accents_is_grouped_by_age_alone():
    subjects = pd.DataFrame({"subject_id": [f"speaker_{n}" for n in range(20)], "age_years": [40.0] * 20})
    assert list(gender_table.groups_of(subjects)) == ["age"]


def where_f0_cannot_decide(inside: list[int], speakers: int = 20) -> pd.DataFrame:
    models = {gender_table.F0: predicted(speakers), "cnn": predicted(speakers, seed=1)}
    names = pd.Index([f"speaker_{n}" for n in range(speakers)])
    chosen = pd.Series([n in inside for n in range(speakers)], index=names)
    scopes = {gender_table.TEST_PART: models, gender_table.FIVE_FOLDS: {gender_table.F0: predicted(speakers)}}
    return gender_table.overlap(scopes, chosen, **DRAWING)


def test_speakers_whose_f0_cannot_decide_are_scored_by_clip_and_by_speaker():
    found = where_f0_cannot_decide(list(range(10))).set_index(["scope", "group", "model", "unit"])
    row = found.loc[("test part", "155 to 185 Hz", "cnn", "clip")]
    own = predicted(seed=1)[:30]
    assert (row["speakers"], row["clips"]) == (10, 30)
    assert row["accuracy"] == pytest.approx(100 * metrics.accuracy_score(own["label"], own["probability"] >= 0.5))
    assert row["roc_auc"] == pytest.approx(100 * metrics.roc_auc_score(own["label"], own["probability"]))
    of_f0 = found.loc[("test part", "155 to 185 Hz", gender_table.F0, "clip"), "accuracy"]
    assert row["points"] == pytest.approx(row["accuracy"] - of_f0)
    means = own.groupby("subject_id")[["label", "probability"]].mean()
    by_speaker = found.loc[("test part", "155 to 185 Hz", "cnn", "speaker"), "roc_auc"]
    assert by_speaker == pytest.approx(100 * metrics.roc_auc_score(means["label"], means["probability"]))
    everyone = found.loc[("five folds", "everyone", gender_table.F0, "speaker")]
    assert (everyone["speakers"], everyone["clips"]) == (20, 60)


@pytest.mark.parametrize(("inside", "speakers"), [([], "none"), ([0, 1, 2, 3], "<5"), (list(range(18)), "all but <5")])
def test_a_group_of_which_or_beside_which_few_are_left_is_withheld(inside, speakers):
    found = where_f0_cannot_decide(inside).query("group == '155 to 185 Hz'")
    assert set(found["speakers"]) == {speakers} and set(found["clips"]) == {"withheld"}
    assert found.drop(columns=["scope", "group", "model", "unit", "speakers", "clips"]).isna().all(axis=None)


def test_an_auc_of_few_men_is_withheld_and_the_accuracy_is_not():
    found = where_f0_cannot_decide([1, 3, *range(0, 16, 2)]).query("group == '155 to 185 Hz'")
    assert found["accuracy"].notna().all() and found["roc_auc"].isna().all()
