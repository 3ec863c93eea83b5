import json
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from bulbar.appraisal import baselines as library
from bulbar.core.errors import BadInput
from bulbar.core.names import PROTOCOLS
from stages import baselines
from tests.appraisal.test_baselines import cohort
from tests.projects import same_with_two_workers, write_cohort, write_csv, write_params

PARAMS = {"baselines": {"trees": 20}, "bootstrap": {"draws": 100}}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """30 people, two recordings each, jitter raised in the patients; features and folds in orders of their own."""
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, **PARAMS)
    for protocol in PROTOCOLS:
        rows = cohort(protocol, subjects=30, effect=1.5)
        folds = rows.drop(columns=["task", "age_years", "sex", *library.VOICE])
        write_csv(tmp_path / f"data/folds/{protocol}.csv", folds)
    features = rows[["recording_id", "subject_id", "task", *library.VOICE]]
    write_csv(tmp_path / "data/acoustic/features.csv", features.sample(frac=1, random_state=1))
    people = rows.drop_duplicates("subject_id")[["subject_id", "label", "sex", "age_years"]]
    people["label"] = np.where(people["label"] == 1, "ALS", "HC")
    write_cohort(tmp_path, people.sample(frac=1, random_state=2))
    return tmp_path


def written(protocol):
    baselines.main(protocol)
    return json.loads(Path(f"metrics/baselines/{protocol}.json").read_text())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_each_baseline_has_a_table_of_the_folds_own_rows_and_their_scores(project, protocol, capsys):
    metrics = written(protocol)
    folds = pd.read_csv(f"data/folds/{protocol}.csv").sort_values("recording_id").reset_index(drop=True)
    for model in library.BASELINES:
        table = pd.read_csv(f"data/baselines/{protocol}/{model}.csv")
        assert list(table) == ["recording_id", "subject_id", "fold", "label", "probability"]
        pd.testing.assert_frame_equal(
            table[["recording_id", "fold", "label"]], folds[["recording_id", "fold", "label"]]
        )
        scores = metrics[model]["per_recording"]
        assert scores["accuracy"] == pytest.approx(
            accuracy_score(table["label"], table["probability"] >= 0.5), abs=1e-4
        )
        assert scores["roc_auc_pooled"] == pytest.approx(roc_auc_score(table["label"], table["probability"]), abs=1e-4)
        low, high = scores["intervals"]["roc_auc_pooled"]
        assert low <= scores["roc_auc_pooled"] <= high
        assert metrics[model]["per_subject"]["rows"] == 30
    assert (metrics["synthetic"], metrics["protocol"]) == (True, protocol)
    assert metrics["biased"] is (protocol == "record_wise")
    printed = capsys.readouterr().out
    assert printed.startswith(f"{protocol}: AUC per subject")
    assert printed.count("\n") == 1


def test_the_voice_beats_age_and_sex_where_only_the_voice_is_ill(project):
    metrics = written("subject_wise")
    aucs = {model: metrics[model]["per_subject"]["roc_auc"] for model in library.BASELINES}
    assert aucs["majority"] == 0.5
    assert aucs["voice_linear"] > 0.8 > aucs["age_sex"]


def test_regressions_say_what_they_weigh_the_largest_first(project):
    metrics = written("subject_wise")
    weights = metrics["voice_linear"]["log_odds_per_sd"]
    assert next(iter(weights)) == "jitter_local"
    assert set(weights) == set(library.VOICE)
    assert weights["jitter_local"]["lowest"] <= weights["jitter_local"]["mean"] <= weights["jitter_local"]["highest"]
    assert set(metrics["age_sex"]["log_odds_per_sd"]) == {"age_years", "sex_F", "sex_M"}
    assert "log_odds_per_sd" not in metrics["voice_forest"]


def test_two_runs_and_any_number_of_workers_agree_byte_by_byte(project):
    run = partial(baselines.main, "subject_wise")
    assert len(same_with_two_workers(run, "data/baselines", "metrics", **PARAMS)) == 5


def test_nothing_warns(project):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        baselines.main("record_wise")


def test_no_trees_is_refused_before_anything_is_fitted(project):
    write_params(project, baselines={"trees": 0})
    with pytest.raises(BadInput, match=r"baselines\.trees"):
        baselines.main("subject_wise")
    assert not (project / "data/baselines").exists()
