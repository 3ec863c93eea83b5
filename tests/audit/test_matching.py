from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from bulbar.audit import recording_conditions


def people(positive: list[float], negative: list[float]) -> tuple[pd.DataFrame, pd.Series]:
    names = pd.Index([f"P{n:02d}" for n in range(len(positive))] + [f"N{n:02d}" for n in range(len(negative))])
    labels = pd.Series([1] * len(positive) + [0] * len(negative), index=names)
    return pd.DataFrame({"age_years": [*positive, *negative]}, index=names, dtype=float), labels


def test_pairs_are_as_many_and_as_near_as_trying_every_assignment_finds():
    generator = np.random.default_rng(4)
    covariates, labels = people(list(generator.normal(63, 6, 6)), list(generator.normal(60, 6, 6)))
    found = recording_conditions.match(covariates, labels, caliper_sd=0.5)
    age = covariates["age_years"].to_numpy()
    scaled = (age - age.mean()) / age.std()
    slope = abs(LogisticRegression().fit(scaled[:, None], labels).coef_[0, 0])
    distance = slope * np.abs(scaled[:6, None] - scaled[None, 6:])
    assert found.caliper == pytest.approx(0.5 * slope * np.sqrt((scaled[:6].var() + scaled[6:].var()) / 2))
    tried = [distance[np.arange(6), list(order)] for order in permutations(range(6))]
    most, nearest = max((int(np.sum(each <= found.caliper)), -each[each <= found.caliper].sum()) for each in tried)
    assert len(found.pairs) == most
    assert found.pairs["distance"].sum() == pytest.approx(-nearest)


def test_nobody_is_in_two_pairs_and_every_pair_is_within_the_caliper():
    generator = np.random.default_rng(5)
    covariates, labels = people(list(generator.normal(65, 8, 40)), list(generator.normal(58, 8, 20)))
    found = recording_conditions.match(covariates, labels)
    assert found.pairs["positive"].is_unique
    assert found.pairs["negative"].is_unique
    assert (found.pairs["distance"] <= found.caliper + 1e-9).all()
    assert (labels[found.pairs["positive"]] == 1).all()
    assert (labels[found.pairs["negative"]] == 0).all()


def test_matching_brings_the_means_together():
    generator = np.random.default_rng(6)
    covariates, labels = people(list(generator.normal(65, 8, 60)), list(generator.normal(58, 8, 60)))
    covariates["sex"] = np.where(generator.random(120) < np.where(labels == 1, 0.7, 0.4), "M", "F")
    balance = recording_conditions.match(covariates, labels).balance
    ages = covariates["age_years"]
    spread = np.sqrt((ages[labels == 1].var(ddof=0) + ages[labels == 0].var(ddof=0)) / 2)
    expected = (ages[labels == 1].mean() - ages[labels == 0].mean()) / spread
    assert balance.loc["age_years", "before"] == pytest.approx(expected)
    assert balance["before"].abs().max() > 0.5
    assert balance["after"].abs().max() < 0.2
    assert list(balance.index) == ["age_years", "sex_F", "sex_M"]


def test_what_has_nothing_in_common_gives_no_pairs():
    covariates, labels = people(list(np.linspace(80, 90, 10)), list(np.linspace(20, 30, 10)))
    found = recording_conditions.match(covariates, labels)
    assert found.pairs.empty
    assert found.balance["after"].isna().all()


def test_where_all_are_the_same_everyone_of_the_smaller_class_is_matched():
    found = recording_conditions.match(*people([60.0] * 12, [60.0] * 7))
    assert len(found.pairs) == 7
    assert found.balance.loc["age_years"].tolist() == [0.0, 0.0]


def audio_model(labels: pd.Series, score: np.ndarray) -> pd.DataFrame:
    table = labels.rename("label").rename_axis("subject_id").reset_index()
    return table.assign(recording_id=table["subject_id"] + "_A", fold=1, probability=score)


def test_a_model_of_age_alone_scores_half_among_people_of_one_age():
    generator = np.random.default_rng(7)
    covariates, labels = people(list(generator.normal(66, 7, 150)), list(generator.normal(58, 7, 150)))
    ages = covariates["age_years"].to_numpy()
    predictions = audio_model(labels, 1 / (1 + np.exp(-(ages - 62) / 5)))
    found = recording_conditions.match(covariates, labels)
    scores = recording_conditions.score_within(predictions, found)
    assert scores["pairs"] == len(found.pairs)
    assert scores["roc_auc_all"] == pytest.approx(roc_auc_score(labels, ages))
    assert scores["roc_auc_all"] > 0.7
    assert scores["low"] < 0.5 < scores["high"]
    paired = list(found.subject_ids)
    assert scores["roc_auc"] == pytest.approx(roc_auc_score(labels[paired], covariates.loc[paired, "age_years"]))
    assert scores["largest_difference_after"] < 0.1 < scores["largest_difference_before"]


def test_with_fewer_than_five_pairs_nothing_is_scored():
    covariates, labels = people([60, 60, 60, 80, 81, 82, 83], [60, 60, 60, 20, 21, 22, 23])
    found = recording_conditions.match(covariates, labels)
    assert len(found.pairs) == 3
    scores = recording_conditions.score_within(audio_model(labels, np.linspace(0.1, 0.9, 14)), found)
    assert scores["pairs"] == "<5"
    assert np.isnan([scores["roc_auc"], scores["low"], scores["high"]]).all()
