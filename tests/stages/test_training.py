import json
import re
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

import bulbar.training.trainer  # noqa: F401 - it sets TensorFlow's threads, which has to come before any operation
from bulbar.core.errors import BadInput
from bulbar.core.names import PROTOCOLS
from stages import fusion, select, sweep
from stages.parts.protocol_data import load_data
from tests.projects import contents
from tests.stages import small_study
from tests.stages.small_study import set_params

CELLS = ["S1B_0.3", "S1B_0.0", "S2A_0.3", "S2A_0.0"]
MODELS = ["audio", "clinical_all", "clinical_common", "fused_all", "fused_common"]
BLOCKS = {
    "phantom": {"max_epochs": 2, "batch_size": 4},
    "sweep": {"architectures": ["S1B", "S2A"], "dropout_rates": [0.3, 0.0]},
    "train": {"keras_backend": keras.backend.backend()},  # tests/training/test_jax.py runs this module on another
}


@pytest.fixture(scope="module")
def project(traced_once, tmp_path_factory):
    """Four cells, swept and selected for both protocols."""
    return small_study.train(tmp_path_factory.mktemp("project"), swept=PROTOCOLS, **BLOCKS)


@pytest.fixture(scope="module", params=[pytest.param("record_wise", marks=pytest.mark.slow), "subject_wise"])
def fused(project, request):
    """A protocol, its selected and published cells fused."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        patch.setenv("BULBAR_CACHE", str(project / "fit_cache"))
        fusion.main(request.param)
    return request.param


@pytest.fixture(autouse=True)
def in_the_project(project, monkeypatch):
    monkeypatch.chdir(project)
    monkeypatch.setenv("BULBAR_CACHE", str(project / "fit_cache"))
    set_params(project, **BLOCKS)


@pytest.fixture(params=PROTOCOLS)
def protocol(request):
    return request.param


def outs() -> dict[str, bytes]:
    """What the stages that train wrote."""
    folders = ("data/sweep", "data/fusion", "metrics/sweep", "metrics/selection", "metrics/fusion", "models", "plots")
    return {f"{folder}/{name}": read for folder in folders for name, read in contents(Path(folder)).items()}


def n_cached(project: Path) -> int:
    return len(list(project.glob("fit_cache/*/*/settings.json")))


def test_the_sweep_has_every_cell_on_every_fold(protocol):
    fits = pd.read_csv(f"data/sweep/{protocol}/fits.csv")
    cells = fits["architecture"] + "_" + fits["dropout_rate"].astype(str)
    assert list(zip(cells, fits["fold"], strict=True)) == [(cell, fold) for cell in CELLS for fold in (1, 2)]
    histories = pd.read_csv(f"data/sweep/{protocol}/histories.csv")
    assert len(histories) == fits["epochs"].sum()
    best = histories.groupby(["architecture", "dropout_rate", "fold"], sort=False)["validation_loss"].min()
    np.testing.assert_allclose(best.to_numpy(), fits["validation_loss"])


def test_every_recording_has_one_out_of_fold_probability_in_every_cell(protocol):
    split = pd.read_csv(f"data/folds/{protocol}.csv")
    fits = pd.read_csv(f"data/sweep/{protocol}/fits.csv").set_index(["architecture", "dropout_rate", "fold"])
    scores = json.loads(Path(f"metrics/sweep/{protocol}.json").read_text())
    for cell in CELLS:
        table = pd.read_csv(f"data/sweep/{protocol}/predictions/{cell}.csv")
        assert list(table) == ["recording_id", "subject_id", "fold", "label", "probability"]
        pd.testing.assert_frame_equal(table.drop(columns="probability"), split[list(table)[:4]])
        assert table["probability"].between(0, 1).all()
        architecture, rate = cell.split("_")
        found = []
        for fold, rows in table.groupby("fold"):
            accuracy = metrics.accuracy_score(rows["label"], rows["probability"] >= 0.5)
            assert fits.loc[(architecture, float(rate), fold), "test_accuracy"] == pytest.approx(accuracy, abs=1e-6)
            found.append(accuracy)
        assert scores[architecture][rate]["mean_accuracy"] == pytest.approx(np.mean(found), abs=1e-4)
        for score, (low, high) in scores[architecture][rate]["intervals"].items():
            assert low <= scores[architecture][rate][score] <= high
    assert scores["synthetic"] is True
    assert scores["biased"] is (protocol == "record_wise")
    assert scores["majority_accuracy"] == pytest.approx(8 / 14, abs=1e-4)


def test_the_phantoms_epochs_and_batches_are_those_of_a_synthetic_cohort_alone(project):
    assert pd.read_csv("data/sweep/record_wise/fits.csv")["epochs"].max() == 2
    assert load_data("record_wise").study.settings.max_epochs == 2
    assert load_data("record_wise").study.settings.batch_size == 4
    cohort = project / "data/cohort/cohort.json"
    written = cohort.read_text()
    try:
        cohort.write_text(written.replace('"synthetic": true', '"synthetic": false'))
        assert load_data("record_wise").study.settings.max_epochs == 100
        assert load_data("record_wise").study.settings.batch_size == 32
    finally:
        cohort.write_text(written)


def test_fusion_has_five_models_for_two_cells_and_keeps_the_selected_ones(fused, project):
    scores = json.loads(Path(f"metrics/fusion/{fused}.json").read_text())
    assert list(scores) == ["synthetic", "biased", "selected", "published"]
    assert scores["biased"] is (fused == "record_wise")
    for cell in ("selected", "published"):
        assert sorted(scores[cell]) == sorted(MODELS)
        for model in MODELS:
            table = pd.read_csv(f"data/fusion/{fused}/{cell}/{model}.csv")
            assert len(table) == 28
            assert table["probability"].notna().all()
            accuracy = metrics.accuracy_score(table["label"], table["probability"] >= 0.5)
            found = scores[cell][model]["per_recording"]
            assert found["accuracy"] == pytest.approx(accuracy, abs=1e-4)
            low, high = found["intervals"]["accuracy"]
            assert low <= found["accuracy"] <= high
            assert set(scores[cell][model]["per_subject"]["intervals"]) == set(found["intervals"])
    exported = sorted(
        str(path.relative_to(project / "models")) for path in (project / "models" / fused).rglob("*.keras")
    )
    assert exported == sorted(f"{fused}/{model}/fold_{fold}.keras" for model in MODELS for fold in (1, 2))


def test_clinical_networks_train_as_on_a_real_cohort_and_once_for_both_cells(fused):
    for model in ("clinical_all", "clinical_common"):
        selected, published = (Path(f"data/fusion/{fused}/{cell}") for cell in ("selected", "published"))
        assert pd.read_csv(selected / f"{model}_history.csv").groupby("fold")["epoch"].max().min() > 2
        for name in (f"{model}.csv", f"{model}_history.csv"):
            assert (selected / name).read_bytes() == (published / name).read_bytes()
    assert pd.read_csv(f"data/fusion/{fused}/selected/fused_all_history.csv")["epoch"].max() == 2


def test_the_audio_model_beside_fusion_is_the_sweeps_bit_for_bit(fused):
    beside = Path(f"data/fusion/{fused}/published/audio.csv").read_bytes()
    assert beside == Path(f"data/sweep/{fused}/predictions/S1B_0.3.csv").read_bytes()
    cells = json.loads(Path(f"metrics/selection/{fused}.json").read_text())["cells"]
    selected = pd.read_csv(f"data/fusion/{fused}/selected/audio.csv")
    for fold, cell in cells.items():
        swept = pd.read_csv(f"data/sweep/{fused}/predictions/{cell['architecture']}_{cell['dropout_rate']}.csv")
        pd.testing.assert_frame_equal(selected[selected["fold"] == int(fold)], swept[swept["fold"] == int(fold)])


@pytest.mark.parametrize("fused", ["subject_wise"], indirect=True)
@pytest.mark.usefixtures("fused")
def test_an_exported_model_predicts_the_probabilities_of_its_fold():
    model = keras.models.load_model("models/subject_wise/fused_common/fold_1.keras")
    data = load_data("subject_wise")
    features = fusion.clinical_features(data, "common")[1].astype(np.float32)
    _, _, test = data.parts(1)
    predicted = model.predict([np.load("data/features/images.npy")[test], features[test]], verbose=0)
    written = pd.read_csv("data/fusion/subject_wise/selected/fused_common.csv")
    np.testing.assert_allclose(predicted[:, 1], written.loc[written["fold"] == 1, "probability"], atol=2e-6)


def test_dvclive_has_a_step_for_each_epoch(fused):
    for model in MODELS:
        for fold in (1, 2):
            logged = Path(f"data/curves/{fused}/selected/{model}/fold_{fold}/plots/metrics")
            history = pd.read_csv(f"data/fusion/{fused}/selected/{model}_history.csv").query("fold == @fold")
            for name in ("loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate"):
                curve = pd.read_csv(logged / f"{name}.tsv", sep="\t")
                assert curve["step"].tolist() == history["epoch"].tolist()
                np.testing.assert_allclose(curve[name], history[name])


def test_the_curves_that_are_drawn_are_copied_to_plots_and_no_other(fused):
    drawn = sorted(path.relative_to("plots/fusion") for path in Path(f"plots/fusion/{fused}").rglob("*.*"))
    reported = {"record_wise": "fused_all", "subject_wise": "fused_common"}[fused]
    assert drawn == [Path(fused, model, f"fold_{fold}.tsv") for model in ("audio", reported) for fold in (1, 2)]
    for path in drawn:
        logged = Path("data/curves", fused, "selected", *path.parts[1:]).with_suffix("") / "plots/metrics"
        assert (Path("plots/fusion") / path).read_bytes() == (logged / "validation_loss.tsv").read_bytes()


def test_split_by_subject_the_clinical_encoder_learns_from_training_subjects_only(project):
    data, path = load_data("subject_wise"), project / "data/clinical/subjects.csv"
    before, written = fusion.clinical_features(data, "all"), path.read_text()
    trained, watched, tested = data.parts(1)
    subjects = pd.read_csv(path, keep_default_na=False, dtype=str)
    strangers = data.table["subject_id"].iloc[np.concatenate([watched, tested])].unique()
    subjects.loc[subjects["subject_id"].isin(strangers), "age_years"] = "1000"
    subjects.loc[subjects["subject_id"].isin(strangers), "therapy"] = "something new"
    try:
        subjects.to_csv(path, index=False)
        after = fusion.clinical_features(data, "all")
    finally:
        path.write_text(written)
    assert after[1].shape == before[1].shape
    assert np.array_equal(after[1][trained], before[1][trained])
    assert not np.array_equal(after[1][tested], before[1][tested])
    assert not np.array_equal(after[2], before[2])
    age = pd.read_csv(path).set_index("subject_id")["age_years"]
    of_row = age.loc[data.table["subject_id"]].to_numpy()[data.rows]
    low, high = of_row[trained].min(), of_row[trained].max()
    np.testing.assert_allclose(before[1][:, 0], np.clip((of_row - low) / (high - low), 0, 1), atol=1e-6)


def test_split_by_recording_every_fold_has_the_papers_matrix():
    data = load_data("record_wise")
    features = fusion.clinical_features(data, "all")
    matrix = pd.read_csv("data/clinical/record_wise_all.csv").set_index("subject_id")
    expected = matrix.loc[data.table["subject_id"]].to_numpy()[data.rows]
    for fold in (1, 2):
        np.testing.assert_allclose(features[fold], expected, atol=1e-6)


def test_run_again_nothing_is_trained_and_every_file_is_the_same(project, fused, capsys):
    before, known = outs(), n_cached(project)
    for stage in (sweep, select, fusion):
        stage.main(fused)
    assert n_cached(project) == known
    assert outs() == before
    printed = capsys.readouterr().out
    assert re.findall(r"(\d+) fits to do, (\d+) already cached", printed) == [("0", "8"), ("0", "16")]


def test_a_new_dropout_rate_costs_its_own_fits_only(project, capsys):
    before = outs()
    set_params(project, **BLOCKS | {"sweep": {"architectures": ["S2A", "S1B"], "dropout_rates": [0.0, 0.1, 0.3]}})
    try:
        sweep.main("subject_wise")
        assert "4 fits to do, 8 already cached" in capsys.readouterr().out
        for cell in CELLS:
            name = f"data/sweep/subject_wise/predictions/{cell}.csv"
            assert Path(name).read_bytes() == before[name]
    finally:
        for name, read in before.items():
            Path(name).write_bytes(read)


@pytest.mark.slow
def test_without_the_fit_cache_the_sweep_comes_out_the_same(project, monkeypatch, tmp_path):
    before = outs()
    monkeypatch.setenv("BULBAR_CACHE", str(tmp_path / "fit_cache"))
    sweep.main("subject_wise")
    assert n_cached(tmp_path) == 8
    assert {name: read for name, read in outs().items() if name in before} == before


@pytest.mark.slow
def test_two_workers_write_what_one_wrote(project, fused, monkeypatch, tmp_path):
    before = outs()
    monkeypatch.setenv("BULBAR_CACHE", str(tmp_path / "fit_cache"))
    set_params(project, **BLOCKS, compute={"workers": 2})
    sweep.main(fused)
    fusion.main(fused)
    assert {name: read for name, read in outs().items() if name in before} == before


def test_an_image_too_small_for_a_network_is_reported_before_anything_is_trained(project, capsys):
    known = n_cached(project)
    set_params(project, **BLOCKS | {"sweep": {"architectures": ["S1B", "S5A"], "dropout_rates": [0.0]}})
    with pytest.raises(BadInput, match=r"S5A(.|\n)*94×94"):
        sweep.main("record_wise")
    assert n_cached(project) == known
    assert capsys.readouterr().out == ""
