"""The gender pipeline's stages that train, and the one that evaluates, on features that a small network tells apart."""

import json

import numpy as np
import pandas as pd
import pytest

from bulbar import folds
from bulbar.errors import BadInput
from stages import gender_evaluate, networks, tune
from tests.projects import ROOT, contents, write_cohort, write_csv, write_params

SPACE = {
    "filters": [2, 4],
    "lstm_units": [8],
    "n_layers": [1],
    "learning_rate": [0.00025, 0.004, 0.016],
    "batch_size": [16],
    "dropout_rate": [0.3, 0.0],
}
NETWORK = {"filters": 2, "lstm_units": 8, "n_layers": 1, "dense_units": 8}
SHAPE, SPEAKERS = (12, 20), 40
PARTS = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2


def write_project(folder, **blocks) -> None:
    """Two recordings of each speaker; class 1 is louder below; every training recording has a changed copy."""
    draws = np.random.default_rng(0)
    speakers = [f"speaker_{n:02}" for n in range(SPEAKERS)]
    label = np.arange(SPEAKERS) // 10 % 2
    ages = [25.0] * (SPEAKERS - 10) + [64.0] * 10
    subjects = pd.DataFrame({"subject_id": speakers, "sex": np.where(label, "M", "F"), "age_years": ages})
    write_cohort(folder, subjects.assign(accent="England English"))
    rows = pd.DataFrame({"subject_id": np.repeat(speakers, 2), "label": np.repeat(label, 2)})
    rows["recording_id"] = [f"clip_{n:03}" for n in range(len(rows))]
    f0 = np.where(rows["label"] == 1, 120, 200) * draws.lognormal(0, 0.25, len(rows))
    write_csv(folder / "data/acoustic/features.csv", rows[["recording_id"]].assign(subject_id="-", mean_f0_hz=f0))
    for protocol in folds.PROTOCOLS:
        by = np.arange(len(rows)) // 2 if protocol == "subject_wise" else np.arange(len(rows))
        split = rows.assign(part=[PARTS[number % 10] for number in by])
        write_csv(folder / f"data/split/{protocol}.csv", split)
        index = pd.concat([split.assign(copy=0), split[split["part"] == "train"].assign(copy=1)])
        images = draws.uniform(0, 0.6, (len(index), *SHAPE)).astype(np.float32)
        images[index["label"] == 1, :6] += 0.25
        write_csv(folder / f"data/features/{protocol}/index.csv", index)
        np.save(folder / f"data/features/{protocol}/features.npy", images)
    (folder / "data/split/classes.json").write_text(json.dumps({"target": "gender", "classes": ["female", "male"]}))
    (folder.parent / "reference").mkdir(exist_ok=True)
    (folder.parent / "reference/gender_table1.csv").write_bytes((ROOT / "reference/gender_table1.csv").read_bytes())
    blocks = {"phantom": {"max_epochs": 3}, "network": NETWORK, "tune": {"space": SPACE}, **blocks}
    write_params(folder, "gender/params.yaml", **blocks)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Everything has run, for both protocols."""
    place = tmp_path_factory.mktemp("gender")
    folder = place / "gender"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BULBAR_CACHE", str(place / "kept"))
        folder.mkdir()
        patch.chdir(folder)
        write_project(folder)
        for protocol in folds.PROTOCOLS:
            tune.main(protocol)
            networks.main(protocol)
        gender_evaluate.main()
        yield folder


def metrics(project, name):
    return json.loads((project / f"metrics/{name}.json").read_text())


@pytest.mark.parametrize("protocol", folds.PROTOCOLS)
def test_each_sampler_has_as_many_trials_as_the_grid_has_points(project, protocol):
    trials = pd.read_csv(project / f"data/tune/{protocol}/trials.csv")
    assert trials["sampler"].value_counts().to_dict() == dict.fromkeys(["grid", "random", "tpe", "genetic"], 12)
    found = metrics(project, f"tune/{protocol}")
    assert found["biased"] == (protocol == "record_wise")
    for sampler, rows in trials.groupby("sampler"):
        assert found[sampler]["best_validation_loss"] == pytest.approx(rows["validation_loss"].min(), abs=1e-4)
        assert found[sampler]["trials"] == 12
    assert found["grid"]["distinct_points"] == 12


def test_samplers_share_their_fits_and_one_point_always_gives_one_loss(project):
    trials = pd.read_csv(project / "data/tune/subject_wise/trials.csv")
    assert len(trials.drop_duplicates(list(SPACE))) == 12
    assert len(trials.drop_duplicates([*SPACE, "validation_loss", "fit"])) == 12


def test_the_pick_is_the_grids_best_point_to_the_last_digit(project):
    trials = pd.read_csv(project / "data/tune/subject_wise/trials.csv").query("sampler == 'grid'")
    best = trials.loc[trials["validation_loss"].idxmin()]
    pick = json.loads((project / "data/tune/subject_wise/pick.json").read_text())
    assert pick["sampler"] == "grid"
    assert {name: float(text) for name, text in pick["point"].items()} == {name: best[name] for name in SPACE}


def test_the_fitted_grid_is_replayed_in_random_orders(project):
    found = metrics(project, "tune/subject_wise")["replay"]
    table = pd.read_csv(project / "data/tune/subject_wise/replay.csv")
    assert (found["orders"], found["grid_points"], len(table)) == (200, 12, 12)
    assert table["found_best"].iloc[-1] == 1
    until = found["trials_until_close"]
    assert 1 <= until["low"] <= until["median"] <= until["high"] <= 12


def test_trials_are_logged_and_drawn(project):
    folder = project / "plots/tune/record_wise"
    logged = pd.read_csv(folder / "live/tpe/plots/metrics/validation_loss.tsv", sep="\t")
    trials = pd.read_csv(project / "data/tune/record_wise/trials.csv").query("sampler == 'tpe'")
    assert logged["step"].tolist() == trials["trial"].tolist()
    assert logged["validation_loss"].tolist() == pytest.approx(trials["validation_loss"].tolist(), abs=1e-6)
    for name in ("best_so_far", "parallel_coordinates", "importances", "replay"):
        assert (folder / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("protocol", folds.PROTOCOLS)
def test_each_model_says_something_of_every_recording_and_is_kept(project, protocol):
    split = pd.read_csv(project / f"data/split/{protocol}.csv")
    for model in ("cnn", "lstm", "cnn_lstm", "cnn_lstm_tuned"):
        said = pd.read_csv(project / f"data/networks/{protocol}/{model}.csv")
        assert said[["recording_id", "part", "label"]].equals(split[["recording_id", "part", "label"]])
        assert len(pd.read_csv(project / f"data/networks/{protocol}/{model}_history.csv")) <= 3
        assert (project / f"models/{protocol}/{model}.keras").exists()


def test_the_tuned_model_watched_what_the_search_did(project):
    said = pd.read_csv(project / "data/networks/subject_wise/cnn_lstm_tuned.csv").query("part == 'validation'")
    loss = -np.log(np.where(said["label"] == 1, said["probability"], 1 - said["probability"])).mean()
    best = metrics(project, "tune/subject_wise")["grid"]["best_validation_loss"]
    assert loss == pytest.approx(best, abs=1e-4)


def test_table_1_stands_beside_the_papers_for_each_protocol(project):
    table = pd.read_csv(project / "plots/evaluate/table_1.csv").set_index(["protocol", "model", "unit"])
    assert len(table) == 2 * 5 * 2
    assert table.loc[("subject_wise", "cnn_lstm_tuned", "clip"), "male_accuracy_paper"] == 99.9
    said = pd.read_csv(project / "data/networks/subject_wise/cnn_lstm_tuned.csv").query("part == 'test'")
    men = said[said["label"] == 1]
    ours = table.loc[("subject_wise", "cnn_lstm_tuned", "clip"), "male_accuracy"]
    assert ours == pytest.approx(100 * (men["probability"] >= 0.5).mean(), abs=0.01)
    page = (project / "data/evaluate/tables.md").read_text()
    assert "Accuracy on the test part goes from" in page
    assert "[99.9]" in page


def test_the_headline_sets_the_tuned_model_beside_the_threshold_on_f0(project):
    found = metrics(project, "evaluate")
    for protocol in folds.PROTOCOLS:
        own = found[protocol]
        assert 120 < own["f0_threshold_hz"] < 200
        above = own["accuracy"]["cnn_lstm_tuned"] - own["accuracy"]["mean_f0_threshold"]
        assert own["tuned_above_f0_threshold"]["value"] == pytest.approx(above, abs=1e-3)
        assert own["tuned_above_f0_threshold"]["low"] <= above <= own["tuned_above_f0_threshold"]["high"]


def test_printed_digits_are_searched_for_every_row_of_the_paper(project):
    table = pd.read_csv(project / "plots/evaluate/printed_scores.csv")
    assert table["model"].unique().tolist() == ["CNN", "CNN-LSTM", "CNN-LSTM tuned"]
    assert len(table) == 3 * 4 * 2


def test_groups_are_by_age_and_accent(project):
    groups = pd.read_csv(project / "plots/evaluate/groups.csv")
    assert set(groups["grouping"]) == {"age", "accent"}
    assert set(groups["group"]) == {"20 to 29", "60 to 69", "England English"}


def test_a_second_run_trains_nothing_and_writes_the_same(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    before = contents(project / "data/tune") | contents(project / "metrics")
    tune.main("subject_wise")
    assert "0 fits to do, 12 already known" in capsys.readouterr().out
    networks.main("subject_wise")
    assert "0 fits to do, 4 already known" in capsys.readouterr().out
    assert contents(project / "data/tune") | contents(project / "metrics") == before


def test_with_pruning_no_trial_is_lost_and_the_pick_is_no_pruned_one(project, tmp_path, monkeypatch):
    folder = tmp_path / "gender"
    folder.mkdir()
    monkeypatch.chdir(folder)
    given = {"space": SPACE, "prune_after_epochs": 1, "compared": ["random"], "sampler": "random", "batch": 3}
    write_project(folder, tune=given)
    tune.main("subject_wise")
    trials = pd.read_csv(folder / "data/tune/subject_wise/trials.csv")
    assert len(trials) == 12
    assert set(trials.loc[trials["state"] == "pruned", "epochs"]) <= {1}
    pick = json.loads((folder / "data/tune/subject_wise/pick.json").read_text())["point"]
    kept = trials[trials["state"] == "complete"]
    best = kept.loc[kept["validation_loss"].idxmin()]
    assert float(pick["learning_rate"]) == best["learning_rate"]
    assert json.loads((folder / "metrics/tune/subject_wise.json").read_text())["replay"] is None


def test_more_than_two_age_bands_are_refused_with_the_key(project, monkeypatch, tmp_path):
    folder = tmp_path / "gender"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_project(folder, split={"target": "age_band", "age_bands": [30, 50]})
    with pytest.raises(BadInput, match=r"split\.age_bands"):
        tune.main("subject_wise")
