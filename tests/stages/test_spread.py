import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from bulbar.cohort import folds as folding
from bulbar.core.names import PROTOCOLS
from bulbar.training import als
from bulbar.training import spread as spreading
from bulbar.training.fits import digest
from stages import spread
from stages.parts.params import settings
from stages.parts.protocol_data import load_data
from tests.stages.small_study import set_params

TWO_BY_TWO = {"repeats": 2, "seeds": 2}
ONE = {"repeats": 1, "seeds": 1}


@pytest.fixture(scope="module")
def project(trained_copy):
    """One cell swept and selected, then fitted on 2 splits from 2 starts."""
    set_params(trained_copy, spread=TWO_BY_TWO)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(trained_copy)
        patch.setenv("BULBAR_CACHE", str(trained_copy / "fit_cache"))
        for protocol in PROTOCOLS:
            spread.main(protocol)
    return trained_copy


@pytest.fixture(autouse=True)
def in_the_project(project, monkeypatch):
    monkeypatch.chdir(project)
    monkeypatch.setenv("BULBAR_CACHE", str(project / "fit_cache"))
    set_params(project, spread=TWO_BY_TWO)


@pytest.fixture(params=PROTOCOLS)
def protocol(request):
    return request.param


def predictions(protocol: str) -> pd.DataFrame:
    return pd.read_csv(f"data/spread/{protocol}/predictions.csv")


def found(protocol: str) -> dict:
    return json.loads(Path(f"metrics/spread/{protocol}.json").read_text())


def test_the_first_split_from_the_first_start_is_the_sweeps_bit_for_bit(protocol):
    swept = pd.read_csv(f"data/sweep/{protocol}/predictions/S1B_0.3.csv")
    first = predictions(protocol).query("repeat == 1 and seed == 1").drop(columns=["repeat", "seed"])
    pd.testing.assert_frame_equal(first.reset_index(drop=True), swept, check_exact=True)


def test_its_fits_have_the_sweeps_digests_whatever_the_repeats_and_seeds(project, protocol):
    spread_data = load_data(protocol)
    _, cell = spread.chosen_cell(protocol)
    own = spreading.fits_from(spread_data, cell, 1)
    set_params(project, spread=ONE)
    sweep_data = load_data(protocol)
    swept = [als.audio_fit(sweep_data, cell, fold) for fold in sweep_data.folds]
    names = [digest(fit, sweep_data.study) for fit in swept]
    assert [digest(fit, spread_data.study) for fit in own] == names
    others = spreading.fits_from(spread_data, cell, 2)
    assert not {digest(fit, spread_data.study) for fit in others} & set(names)


def test_every_split_has_every_recording_once_and_no_two_splits_or_starts_are_alike(protocol):
    tables = {which: table for which, table in predictions(protocol).groupby(["repeat", "seed"])}
    assert list(tables) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    for table in tables.values():
        assert len(table) == table["recording_id"].nunique() == 28
        assert table["probability"].between(0, 1).all()
    folds_of = {which: table["fold"].tolist() for which, table in tables.items()}
    assert folds_of[1, 1] == folds_of[1, 2] != folds_of[2, 1] == folds_of[2, 2]
    assert len({tuple(table["probability"]) for table in tables.values()}) == 4


def test_split_by_subject_a_subject_is_in_one_fold_of_every_split_and_watched_in_none_that_tests_it():
    assert predictions("subject_wise").groupby(["repeat", "subject_id"])["fold"].nunique().eq(1).all()
    data, splitting = load_data("subject_wise"), settings("folds", folding.Settings)
    other = spreading.on_split(data, 2, splitting)
    for fold in other.folds:
        parts = [set(other.table["subject_id"].iloc[positions]) for positions in folding.parts(other.table, fold)]
        assert not parts[0] & parts[1]
        assert not parts[2] & (parts[0] | parts[1])
        assert all(other.table[other.table["subject_id"].isin(part)]["label"].nunique() == 2 for part in parts)


def test_split_by_recording_each_fold_has_the_classes_shares_and_is_watched_itself():
    data, splitting = load_data("record_wise"), settings("folds", folding.Settings)
    other = spreading.on_split(data, 2, splitting)
    patients = other.table.groupby("fold")["label"].sum()
    assert patients.max() - patients.min() <= 1
    for fold in other.folds:
        _, watched, tested = folding.parts(other.table, fold)
        assert np.array_equal(watched, tested)


def test_each_score_and_its_spread_follow_from_the_predictions(protocol):
    written = found(protocol)
    assert (written["synthetic"], written["repeats"], written["seeds"]) == (True, 2, 2)
    assert written["cell"] == {"architecture": "S1B", "dropout_rate": 0.3}
    accuracy = {
        which: metrics.accuracy_score(table["label"], table["probability"] >= 0.5)
        for which, table in predictions(protocol).groupby(["repeat", "seed"])
    }
    for row in written["fits"]:
        expected = accuracy[row["repeat"], row["seed"]]
        assert row["per_recording"]["accuracy"] == pytest.approx(expected, abs=1e-4)
    of_splits = [np.mean([accuracy[repeat, seed] for seed in (1, 2)]) for repeat in (1, 2)]
    spread_of_accuracy = written["spread"]["per_recording"]["accuracy"]
    assert spread_of_accuracy["mean"] == pytest.approx(np.mean(of_splits), abs=1e-4)
    assert spread_of_accuracy["sd_over_splits"] == pytest.approx(np.std(of_splits, ddof=1), abs=1e-4)


def test_the_file_says_which_scores_are_biased_and_how_the_cell_was_chosen():
    assert found("record_wise")["biased"] is True
    assert "biased" in found("record_wise")["sentence"]
    assert found("subject_wise")["biased"] is False
    assert "pooled winner" in found("subject_wise")["chosen"]


def test_with_one_split_and_one_start_nothing_is_fitted(project, protocol, capsys):
    set_params(project, spread=ONE)
    before = {path: path.read_bytes() for path in (project / "data/spread").rglob("*.csv")}
    written = Path(f"metrics/spread/{protocol}.json").read_bytes()
    try:
        spread.main(protocol)
        assert re.findall(r"(\d+) fits to do, (\d+) already cached", capsys.readouterr().out) == [("0", "2")]
        alone = found(protocol)
        assert alone["spread"]["per_subject"]["accuracy"]["sd_over_splits"] is None
        assert alone["spread"]["per_subject"]["accuracy"]["sd_over_seeds"] is None
        assert len(alone["fits"]) == 1
    finally:
        Path(f"metrics/spread/{protocol}.json").write_bytes(written)
        for path, read in before.items():
            path.write_bytes(read)
