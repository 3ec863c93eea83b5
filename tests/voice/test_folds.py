import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from bulbar.features.voice_measures import F0_SPREAD, FAMILIES, MEASURES
from bulbar.scoring import metrics
from bulbar.voice import folds, model, people
from bulbar.voice.model import Member, Settings

MEMBERS = {
    "f0_spread": Member(measures="f0_spread", c=0.001),
    "all": Member(c=0.01),
    "strongest": Member(tasks=("A", "I", "PA"), strongest=20, c=0.01),
}
SETTINGS = Settings(members=MEMBERS)
TASKS = ["A", "PA"]


def cohort(protocol="subject_wise", *, effect=0.0, age_effect=0.0, older=0.0, level=0.0, size=60, seed=0):
    """Recordings of A and PA of people, half of them patients.

    effect: patients' F0 spread above the controls', in sd. age_effect: sd that every measure rises in ten years.
    older: years that patients are older. level: dB that patients' recordings are louder.
    """
    generator = np.random.default_rng(seed)
    label = np.arange(size) % 2
    subjects = pd.DataFrame({"subject_id": [f"S{n:03d}" for n in range(size)]})
    subjects["age_years"] = generator.normal(60, 8, size) + older * label
    subjects["sex"] = np.where(generator.random(size) < 0.5, "F", "M")
    rows = pd.DataFrame(
        {
            "subject_id": np.repeat(subjects["subject_id"], len(TASKS)).to_numpy(),
            "label": np.repeat(label, len(TASKS)),
            "task": TASKS * size,
        }
    )
    rows.insert(0, "recording_id", rows["subject_id"] + "_" + rows["task"])
    person = np.repeat(np.arange(size), len(TASKS))
    values = generator.standard_normal((len(rows), len(MEASURES)))
    measured = pd.DataFrame(values, columns=list(MEASURES))
    measured[list(F0_SPREAD)] += effect * label[person][:, None]
    measured = measured.add(age_effect * (subjects["age_years"].to_numpy()[person] - 60) / 10, axis=0)
    for name, measure in MEASURES.items():
        if measure.tasks != "all":
            measured.loc[rows["task"].eq("PA") == (measure.tasks == "vowels"), name] = np.nan
    made = pd.DataFrame(
        {
            "sample_rate_hz": 8000, "format": "WAV/PCM_16", "channels": 1, "bandwidth_hz": 4000.0,
            "duration_s": generator.normal(13, 2, len(rows)),
            "level_dbfs": generator.normal(-30, 3, len(rows)) + level * label[person],
        }
    )  # fmt: skip
    rows = pd.concat([rows, measured, made], axis=1)
    rows["fold"] = (person // 2) % 5 + 1 if protocol == "subject_wise" else generator.permutation(len(rows)) % 5 + 1
    return rows, subjects


def scored(rows, subjects, settings=SETTINGS):
    fitted = [folds.fit_fold(number, rows, subjects, settings) for number in range(1, 6)]
    parts = [folds.score_fold(fold, rows, subjects) for fold in fitted]
    return fitted, {name: pd.concat(part[name] for part in parts) for name in parts[0]}


@pytest.mark.parametrize("protocol", ["record_wise", "subject_wise"])
def test_nothing_of_the_tested_fold_is_learned(protocol):
    rows, subjects = cohort(protocol, effect=1)
    fitted = folds.fit_fold(2, rows, subjects, SETTINGS)
    measures = list(MEASURES)
    tested = rows["fold"] == 2
    changed = rows.copy()
    changed.loc[tested, measures] = 1e3
    changed.loc[tested, ["level_dbfs", "duration_s"]] = -500
    assert folds.fit_fold(2, changed, subjects, SETTINGS).stored() == fitted.stored()


def test_a_person_has_a_row_from_their_training_and_one_from_their_tested_recordings():
    rows, subjects = cohort("record_wise")
    halves = rows[(rows["fold"] == 1).groupby(rows["subject_id"]).transform("sum") == 1]
    person = halves["subject_id"].iloc[0]
    fitted = folds.fit_fold(1, rows, subjects, SETTINGS)
    tested = rows[rows["fold"] == 1]
    ours = model.rows_for(tested, subjects, TASKS).loc[person]
    task = tested.loc[tested["subject_id"] == person, "task"].item()
    other = "PA" if task == "A" else "A"
    name = F0_SPREAD[0]
    assert np.isnan(ours[people.column_of(other, name)]) and np.isnan(fitted.train.loc[person, f"{task}:{name}"])
    value = rows.loc[rows["recording_id"] == f"{person}_{other}", name].item()
    assert fitted.train.loc[person, f"{other}:{name}"] == pytest.approx(value)


def test_several_recordings_of_a_task_are_averaged():
    rows, _ = cohort()
    twice = pd.concat([rows, rows.assign(f0_mad_semitones=rows["f0_mad_semitones"] + 2)])
    names = ["A:f0_mad_semitones", "PA:f0_mad_semitones"]
    once = people.rows_of_people(rows, names)
    pd.testing.assert_frame_equal(people.rows_of_people(twice, names), once + 1)


def test_an_effect_is_found_and_without_one_the_auc_is_near_chance():
    rows, subjects = cohort(effect=1.5)
    _, tables = scored(rows, subjects)
    assert folds.auc_of(tables["voice"]) > 0.85 and folds.auc_of(tables["f0_spread_rank"]) > 0.85
    assert 0.3 < folds.auc_of(tables["conditions"]) < 0.7
    none = [folds.auc_of(scored(*cohort(seed=seed))[1]["voice"]) for seed in range(3)]
    assert 0.4 < np.mean(none) < 0.6


def test_the_auc_is_that_of_scikit_learn_over_pairs_within_a_fold():
    rows, subjects = cohort(effect=0.5)
    _, tables = scored(rows, subjects)
    found = [
        (roc_auc_score(fold["label"], fold["probability"]), fold["label"].sum() * (1 - fold["label"]).sum())
        for _, fold in metrics.per_subject(tables["voice"]).groupby("fold")
    ]
    aucs, pairs = zip(*found, strict=True)
    assert folds.auc_of(tables["voice"]) == pytest.approx(np.average(aucs, weights=pairs))


def test_adjustment_takes_out_what_age_explains():
    rows, subjects = cohort(age_effect=2.0, older=8.0)
    _, tables = scored(rows, subjects)
    assert folds.auc_of(tables["voice_unadjusted"]) > 0.65
    assert folds.auc_of(tables["voice"]) < folds.auc_of(tables["voice_unadjusted"]) - 0.1


def test_a_level_difference_is_seen_by_conditions_and_not_by_the_voice_model():
    rows, subjects = cohort(level=8.0)
    _, tables = scored(rows, subjects)
    plain = scored(*cohort())[1]
    assert folds.auc_of(tables["conditions"]) > 0.9
    assert folds.auc_of(tables["voice"]) == folds.auc_of(plain["voice"])


def test_the_model_is_the_mean_log_odds_of_its_members():
    rows, subjects = cohort(effect=1)
    fitted, tables = scored(rows, subjects)
    members = [people.log_odds(tables[f"voice_{name}"]["probability"]) for name in MEMBERS]
    np.testing.assert_allclose(people.log_odds(tables["voice"]["probability"]), np.mean(members, axis=0), atol=1e-4)
    tested = model.rows_for(rows[rows["fold"] == 1], subjects, TASKS)
    parts = fitted[0].voice.contributions(tested).sum(axis=1)
    intercept = np.mean([one.intercept for one in fitted[0].voice.members.values()])
    np.testing.assert_allclose(parts + intercept, fitted[0].voice.log_odds(tested))


def test_a_rank_is_the_mean_percentile_among_training_people():
    names = [people.column_of("A", name) for name in F0_SPREAD]
    generator = np.random.default_rng(3)
    train, test = (pd.DataFrame(generator.standard_normal((n, 3)), columns=names) for n in (40, 5))
    train.iloc[0, 0] = np.nan
    expected = [
        np.mean([stats.percentileofscore(train[name].dropna(), row[name], "mean") / 100 for name in names])
        for _, row in test.iterrows()
    ]
    np.testing.assert_allclose(model.f0_spread_rank(train, test), expected)
    assert model.f0_spread_rank(train, test * np.nan).tolist() == [0.5] * 5


def test_missing_tasks_cost_what_masking_them_costs():
    rows, subjects = cohort(effect=1.0)
    fitted, _ = scored(rows, subjects)
    found = folds.auc_by_subset(fitted, rows, subjects)
    assert set(found) == {"A only", "PA only", "without A", "without PA", "vowels only", "syllable trains only"}
    masked = rows.copy()
    masked.loc[masked["task"] == "PA", list(MEASURES)] = np.nan
    tables = [folds.score_fold(fold, masked, subjects)["voice"] for fold in fitted]
    assert found["A only"] == found["without PA"] == found["vowels only"] == folds.auc_of(pd.concat(tables))


def test_nested_selection_chooses_inside_the_training_folds_and_its_optimism_is_shown():
    recipes = {f"strongest_{n}": Member(strongest=n, c=c) for n, c in ((1, 0.01), (2, 1.0), (4, 0.1), (8, 1.0))}
    settings = Settings(members=MEMBERS, select="nested", recipes=recipes)
    found = []
    for seed in range(3):
        rows, subjects = cohort(size=40, seed=seed)
        fitted, tables = scored(rows, subjects, settings)
        assert {fold.chosen[0] for fold in fitted} <= set(recipes)
        assert all(set(fold.voice.members) == {fold.chosen[0]} for fold in fitted)
        found.append(folds.optimism(fitted, tables["voice"])["optimism"])
    assert np.mean(found) > 0.02  # with nothing to learn, the best of four looks better than it is


def test_nested_selection_needs_recipes():
    with pytest.raises(ValueError, match="at least two recipes"):
        Settings(members=MEMBERS, select="nested", recipes={"one": Member(c=1)})


def test_the_family_that_carries_the_effect_is_the_most_important():
    rows, subjects = cohort(effect=1.5)
    fitted, _ = scored(rows, subjects)
    families = {"spread": list(F0_SPREAD)}
    families |= {name: [one for one in of if one not in F0_SPREAD] for name, of in FAMILIES.items()}
    found = folds.importance(fitted, rows, subjects, families, shuffles=5, seed=1)
    assert next(iter(found)) == "spread" and found["spread"] > 0.2
    assert max(value for name, value in found.items() if name != "spread") < 0.1
