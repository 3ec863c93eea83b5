"""The gender pipeline's stages that train, and the one that evaluates, on features that a small network separates."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bulbar.core.errors import BadInput
from bulbar.core.names import PROTOCOLS
from bulbar.features.voice_measures import MFCC_MEANS, TRACT_MEASURES
from bulbar.training import fits, gender
from bulbar.tuning import search
from stages import gender_evaluate, networks, tune
from stages.parts.clip_data import load_data
from tests.projects import ROOT, contents, write_cohort, write_csv, write_params

SPACE = {
    "filters": [2],
    "lstm_units": [8],
    "n_layers": [1],
    "learning_rate": [0.00025, 0.001, 0.004, 0.016],
    "batch_size": [16],
    "dropout_rate": [0.3, 0.15, 0.0],
}
"""Twelve points of one network: tracing it takes longer than its fits."""
TWO_NETWORKS = SPACE | {"filters": [2, 4], "learning_rate": [0.00025, 0.004, 0.016], "dropout_rate": [0.3, 0.0]}
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
    timbre = {name: draws.normal(rows["label"], 1.0) for name in (*TRACT_MEASURES, *MFCC_MEANS)}
    named = rows[["recording_id"]].assign(subject_id="-", task="sentence")
    write_csv(folder / "data/timbre/features.csv", named.assign(**timbre))
    for protocol in PROTOCOLS:
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
    small = {"phantom": {"max_epochs": 3}, "train": {"batch_size": 16}, "network": NETWORK, "tune": {"space": SPACE}}
    blocks = small | blocks
    write_params(folder, "gender/params.yaml", **blocks)


@pytest.fixture(scope="module")
def project(traced_once, tmp_path_factory):
    """Everything has run, for both protocols."""
    place = tmp_path_factory.mktemp("gender")
    folder = place / "gender"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BULBAR_CACHE", str(place / "fit_cache"))
        folder.mkdir()
        patch.chdir(folder)
        write_project(folder)
        for stage in (tune, networks):
            for protocol in PROTOCOLS:
                stage.main(protocol)
        gender_evaluate.main()
        yield folder


def metrics(project, name):
    return json.loads((project / f"metrics/{name}.json").read_text())


@pytest.mark.parametrize("protocol", PROTOCOLS)
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
    table = pd.read_csv(project / "plots/tune/subject_wise/replay.csv")
    assert (found["orders"], found["grid_points"], len(table)) == (200, 12, 12)
    assert table["found_best"].iloc[-1] == 1
    until = found["trials_until_close"]
    assert 1 <= until["low"] <= until["median"] <= until["high"] <= 12


def test_dvc_plots_has_a_column_for_each_sampler_and_the_tuned_models_calls(project):
    trials = pd.read_csv(project / "data/tune/record_wise/trials.csv")
    best = pd.read_csv(project / "plots/tune/record_wise/best_so_far.csv")
    assert list(best) == ["trial", "grid", "random", "tpe", "genetic"]
    for sampler, rows in trials.groupby("sampler"):
        assert best[sampler].tolist() == rows["best_so_far"].tolist()
    calls = pd.read_csv(project / "plots/evaluate/confusion_subject_wise.csv")
    predicted = pd.read_csv(project / "data/networks/subject_wise/cnn_lstm_tuned.csv").query("part == 'test'")
    men = predicted["label"] == 1
    assert len(calls) == len(predicted)
    assert ((calls["actual"] == "male") & (calls["predicted"] == "male")).sum() == (
        predicted[men]["probability"] >= 0.5
    ).sum()


def test_trials_are_logged_and_drawn(project):
    folder = project / "plots/tune/record_wise"
    logged = pd.read_csv(project / "data/curves/record_wise/tpe/plots/metrics/validation_loss.tsv", sep="\t")
    trials = pd.read_csv(project / "data/tune/record_wise/trials.csv").query("sampler == 'tpe'")
    assert logged["step"].tolist() == trials["trial"].tolist()
    assert logged["validation_loss"].tolist() == pytest.approx(trials["validation_loss"].tolist(), abs=1e-6)
    for name in ("best_so_far", "parallel_coordinates", "importances", "replay"):
        assert (folder / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_each_model_predicts_every_recording_and_is_exported(project, protocol):
    split = pd.read_csv(project / f"data/split/{protocol}.csv")
    for model in ("cnn", "lstm", "cnn_lstm", "cnn_lstm_tuned"):
        predicted = pd.read_csv(project / f"data/networks/{protocol}/{model}.csv")
        assert predicted[["recording_id", "part", "label"]].equals(split[["recording_id", "part", "label"]])
        assert len(pd.read_csv(project / f"data/networks/{protocol}/{model}_history.csv")) <= 3
        assert (project / f"models/{protocol}/{model}.keras").exists()


def test_the_tuned_model_watched_what_the_search_did(project):
    predicted = pd.read_csv(project / "data/networks/subject_wise/cnn_lstm_tuned.csv").query("part == 'validation'")
    loss = -np.log(np.where(predicted["label"] == 1, predicted["probability"], 1 - predicted["probability"])).mean()
    best = metrics(project, "tune/subject_wise")["grid"]["best_validation_loss"]
    assert loss == pytest.approx(best, abs=1e-4)


def test_table_1_stands_beside_the_papers_for_each_protocol(project):
    table = pd.read_csv(project / "plots/evaluate/table_1.csv").set_index(["protocol", "model", "unit"])
    assert len(table) == 2 * 7 * 2
    assert table.loc[("subject_wise", "cnn_lstm_tuned", "clip"), "male_accuracy_paper"] == 99.9
    predicted = pd.read_csv(project / "data/networks/subject_wise/cnn_lstm_tuned.csv").query("part == 'test'")
    men = predicted[predicted["label"] == 1]
    ours = table.loc[("subject_wise", "cnn_lstm_tuned", "clip"), "male_accuracy"]
    assert ours == pytest.approx(100 * (men["probability"] >= 0.5).mean(), abs=0.01)
    page = (project / "data/evaluate/tables.md").read_text()
    assert "Accuracy on the test part goes from" in page
    assert "[99.9]" in page


def test_the_headline_sets_the_tuned_model_beside_the_threshold_on_f0(project):
    found = metrics(project, "evaluate")
    for protocol in PROTOCOLS:
        own = found[protocol]
        assert 120 < own["f0_threshold_hz"] < 200
        above = own["accuracy"]["cnn_lstm_tuned"] - own["accuracy"]["mean_f0_threshold"]
        assert own["tuned_above_f0_threshold"]["value"] == pytest.approx(above, abs=1e-3)
        assert own["tuned_above_f0_threshold"]["low"] <= above <= own["tuned_above_f0_threshold"]["high"]


def test_printed_digits_are_searched_for_every_row_of_the_paper(project):
    table = pd.read_csv(project / "plots/evaluate/printed_scores.csv")
    assert table["model"].unique().tolist() == ["CNN", "CNN-LSTM", "CNN-LSTM tuned"]
    assert len(table) == 3 * 4 * 2 * 5
    assert table["recordings"].unique().tolist() == [1100, 1650, 2200, 2750, 3300]
    assert (
        "No confusion matrix gives the row of: CNN-LSTM, CNN-LSTM tuned."
        in (project / "data/evaluate/tables.md").read_text()
    )


def test_every_model_is_set_beside_every_baseline_with_an_interval(project):
    table = pd.read_csv(project / "plots/evaluate/above_baselines.csv")
    models = ["mean_f0_threshold", "formants", "mfcc", "cnn", "lstm", "cnn_lstm", "cnn_lstm_tuned"]
    for (_, against), rows in table.groupby(["protocol", "against"]):
        assert against in models[:3]
        assert rows["model"].tolist() == [model for model in models if model != against]
    one = pd.read_csv(project / "plots/evaluate/table_1.csv").query("unit == 'clip'").set_index(["protocol", "model"])
    page = (project / "data/evaluate/tables.md").read_text()
    for row in table.to_dict("records"):
        ours, baseline = (one.loc[(row["protocol"], name), "accuracy"] for name in (row["model"], row["against"]))
        assert row["points"] == pytest.approx(ours - baseline, abs=0.02)
        assert row["points_low"] <= row["points"] <= row["points_high"]
        value, low, high = (f"{row[name]:+.1f}" for name in ("points", "points_low", "points_high"))
        assert f"{value} ({low} to {high}): {row['verdict']}" in page


def test_speakers_whose_f0_cannot_decide_stand_apart(project):
    table = pd.read_csv(project / "plots/evaluate/f0_overlap.csv")
    page = (project / "data/evaluate/tables.md").read_text()
    assert "Where F0 cannot decide" in page
    f0 = pd.read_csv(project / "data/acoustic/features.csv")
    f0["subject_id"] = np.repeat(np.arange(SPEAKERS), 2)
    inside = f0.groupby("subject_id")["mean_f0_hz"].mean().between(155, 185).sum()
    of_folds = table.query("scope == 'five folds' and unit == 'speaker' and protocol == 'subject_wise'")
    assert set(of_folds.query("group == 'everyone'")["speakers"]) == {str(SPEAKERS)}
    assert set(of_folds.query("group == '155 to 185 Hz'")["speakers"]) == {str(inside)}
    assert set(of_folds["model"]) == {"mean_f0_threshold", "formants", "mfcc"}
    found = metrics(project, "f0_overlap")["subject_wise"]["five folds, everyone"]
    expected = of_folds.query("group == 'everyone'").set_index("model")["accuracy"]
    assert found == pytest.approx((expected / 100).to_dict(), abs=1e-4)
    for scope, group in table[table["accuracy"].isna()][["scope", "group"]].drop_duplicates().to_numpy():
        assert f"On the {scope} the scores for {group} are withheld" in page


def test_headlines_are_few(project):
    def numbers(found):
        return sum(map(numbers, found.values())) if isinstance(found, dict) else not isinstance(found, bool | str)

    assert numbers(metrics(project, "evaluate")) <= 25


def test_groups_are_by_age_and_accent_and_none_is_small(project):
    groups = pd.read_csv(project / "plots/evaluate/groups.csv")
    assert set(groups["grouping"]) == {"age", "accent"}
    assert set(groups.query("grouping == 'accent'")["group"]) == {"England English"}
    assert not groups["speakers"].astype(str).str.startswith("<").any()


def test_a_second_run_trains_nothing_and_writes_the_same(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    before = contents(project / "data/tune") | contents(project / "metrics")
    tune.main("subject_wise")
    assert "0 fits to do, 12 already cached" in capsys.readouterr().out
    networks.main("subject_wise")
    assert "0 fits to do, 4 already cached" in capsys.readouterr().out
    assert contents(project / "data/tune") | contents(project / "metrics") == before


@pytest.mark.slow
def test_with_pruning_no_trial_is_lost_and_the_pick_is_no_pruned_one(project, tmp_path, monkeypatch):
    folder = tmp_path / "gender"
    folder.mkdir()
    monkeypatch.chdir(folder)
    wanted = {"space": TWO_NETWORKS, "prune_after_epochs": 1, "compared": ["random"], "sampler": "random", "batch": 3}
    write_project(folder, tune=wanted)
    tune.main("subject_wise")
    trials = pd.read_csv(folder / "data/tune/subject_wise/trials.csv")
    assert len(trials) == 12
    assert set(trials.loc[trials["state"] == "pruned", "epochs"]) <= {1}
    pick = json.loads((folder / "data/tune/subject_wise/pick.json").read_text())["point"]
    complete = trials[trials["state"] == "complete"]
    best = complete.loc[complete["validation_loss"].idxmin()]
    assert float(pick["learning_rate"]) == best["learning_rate"]
    assert json.loads((folder / "metrics/tune/subject_wise.json").read_text())["replay"] is None


def tuned_in(folder, monkeypatch, **wanted) -> pd.DataFrame:
    """The trials of a search in a project of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder)
    if not (folder / "params.yaml").exists():
        write_project(folder, tune={"space": SPACE, "compared": ["random"], "sampler": "random", **wanted})
    tune.main("subject_wise")
    return pd.read_csv(folder / "data/tune/subject_wise/trials.csv")


def test_whatever_the_test_part_holds_the_search_does_not_see_it(project, tmp_path, monkeypatch):
    folder = tmp_path / "gender"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_project(folder, tune={"space": SPACE, "compared": ["grid"]})
    path = folder / "data/features/subject_wise"
    images, index = np.load(path / "features.npy"), pd.read_csv(path / "index.csv")
    tested = (index["part"] == "test").to_numpy()
    images[tested] = 1e3
    index.loc[tested, "label"] = 1 - index.loc[tested, "label"]
    np.save(path / "features.npy", images)
    write_csv(path / "index.csv", index)
    tune.main("subject_wise")
    for name in ("data/tune/subject_wise/pick.json", "plots/tune/subject_wise/replay.csv"):
        ours, theirs = (place / name for place in (folder, project))
        assert ours.read_bytes() == theirs.read_bytes()
    trials = (pd.read_csv(place / "data/tune/subject_wise/trials.csv") for place in (folder, project))
    ours, theirs = (table[table["sampler"] == "grid"].reset_index(drop=True) for table in trials)
    assert ours.drop(columns="fit").equals(theirs.drop(columns="fit"))
    assert (ours["fit"] != theirs["fit"]).all()


@pytest.mark.slow
def test_a_search_at_whose_highest_rate_nothing_is_finite_goes_on_and_says_so(tmp_path, monkeypatch):
    """At a learning rate of 1e30 the weights overflow in the first step."""
    space = {**SPACE, "learning_rate": [0.004, 1e30]}
    monkeypatch.setenv("BULBAR_CACHE", str(tmp_path / "fit_cache"))
    found = tuned_in(tmp_path / "gender", monkeypatch, space=space, sampler="grid", compared=["grid"])
    failed = found["learning_rate"] == 1e30
    assert (found["state"] == np.where(failed, "failed", "complete")).all()
    assert failed.sum() == 3
    found_by = json.loads((tmp_path / "gender/metrics/tune/subject_wise.json").read_text())
    assert (found_by["grid"]["trials"], found_by["grid"]["failed"]) == (6, 3)
    assert found_by["replay"]["grid_points"] == 6
    assert tuned_in(tmp_path / "gender", monkeypatch).equals(found)


@pytest.mark.slow
def test_workers_change_nothing_though_trials_are_pruned(tmp_path, monkeypatch):
    found = []
    for workers in (1, 2):
        place = tmp_path / f"{workers}"
        monkeypatch.setenv("BULBAR_CACHE", str(place / "fit_cache"))
        (place / "gender").mkdir(parents=True)
        monkeypatch.chdir(place / "gender")
        wanted = {"space": TWO_NETWORKS, "prune_after_epochs": 1, "batch": 3}
        write_project(place / "gender", tune=wanted, compute={"workers": workers})
        tune.main("subject_wise")
        found.append((place / "gender/data/tune/subject_wise/trials.csv").read_text())
    assert "pruned" in found[0]
    assert found[0] == found[1]


def test_a_search_is_named_by_what_shapes_it_and_by_nothing_else(project, tmp_path, monkeypatch):
    monkeypatch.chdir(project)

    def name(features: str | None = None, seed: int = 1, **changes: object) -> str:
        settings = search.Settings.model_validate({"space": SPACE, **changes})
        data = load_data("subject_wise")
        if features:
            data = replace(data, study=replace(data.study, features_digest=features))
        network = gender.Settings.model_validate(NETWORK)
        grid = gender.fits_of_grid(data, network, settings.space)
        return search.digest(settings, seed, [fits.digest(fit, data.study) for fit in grid])

    of_no_consequence = {"storage": "postgresql://someone@host/studies", "orders": 300, "compared": ["random"]}
    assert name(**of_no_consequence, sampler="random") == name()
    others = [
        name(space={**SPACE, "filters": [2, 8]}),
        name(batch=3),
        name(trials=10),
        name(prune_after_epochs=1),
        name("other"),
        name(seed=2),
    ]
    assert len({name(), *others}) == 7


def test_more_than_two_age_bands_are_refused_with_the_key(project, monkeypatch, tmp_path):
    folder = tmp_path / "gender"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_project(folder, split={"target": "age_band", "age_bands": [30, 50]})
    with pytest.raises(BadInput, match=r"split\.age_bands"):
        tune.main("subject_wise")
