import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import librosa
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import log_loss

import bulbar.training.trainer  # noqa: F401 - it sets TensorFlow's threads, which has to come before any operation
from bulbar.scoring import metrics as scoring
from stages import explain
from stages.parts import error_page
from tests.projects import ROOT, contents


@pytest.fixture(scope="module")
def project(trained_copy):
    """The networks of the small study, fused split by subject, explained."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(trained_copy)
        explain.main()
    return trained_copy


@pytest.fixture(autouse=True)
def in_the_project(project, monkeypatch):
    monkeypatch.chdir(project)


def test_the_headline_numbers_are_few_and_say_whose_voices_they_are_of():
    def numbers(content):
        return sum(map(numbers, content.values())) if isinstance(content, dict) else 1

    metrics = json.loads(Path("metrics/explain.json").read_text())
    assert metrics["synthetic"] is True and metrics["protocol"] == "subject_wise"
    assert numbers(metrics) <= 38
    assert {metrics["sanity"][method]["verdict"] for method in metrics["sanity"]} <= {"passes", "fails", "undecided"}
    for part in ("costliest_band", "costliest_stretch"):
        ends = [metrics[part][f"auc_drop{end}"] for end in ("_low", "", "_high")]
        assert ends == sorted(ends)
    assert metrics["costliest_band"]["from_hz"] < metrics["costliest_band"]["to_hz"] <= 11025
    assert metrics["fused_common"]["shap_share_not_recorded"] == 0


def test_every_figure_and_table_is_there():
    assert sorted(contents(Path("plots/explain"))) == [
        "deletion.csv", "deletion.png", "deletion_areas.csv", "maps_by_class.png", "maps_by_task.png",
        "occlusion.png", "occlusion_frequency.csv", "occlusion_time.csv", "permutation.csv", "permutation.png",
        "sanity.csv", "sanity.png", "shap.png", "shap_columns.csv", "shap_groups.csv",
    ]  # fmt: skip
    for path in Path("plots/explain").glob("*.png"):
        with Image.open(path) as picture:
            assert min(picture.size) > 100


def test_occlusion_covers_the_image_in_hertz_and_seconds():
    bands, stretches = (pd.read_csv(f"plots/explain/occlusion_{axis}.csv") for axis in ("frequency", "time"))
    assert (len(bands), len(stretches)) == (3, 2)
    for table, unit, end in ((bands, "hz", 11025.0), (stretches, "share", 1.0)):
        assert table[f"from_{unit}"].tolist() == [0, *table[f"to_{unit}"][:-1]]
        assert table[f"to_{unit}"].iloc[-1] == end
    seconds = pd.read_csv("data/audio/recordings.csv")["duration_s"].mean()
    assert stretches["to_s"].iloc[-1] == pytest.approx(seconds, abs=1e-3)


def test_the_bands_above_what_each_recording_carries_are_hidden_from_the_network_of_its_fold():
    metrics = json.loads(Path("metrics/explain.json").read_text())
    measured = pd.read_csv("data/conditions/recordings.csv").set_index("recording_id")["bandwidth_hz"]
    begins_hz = librosa.mel_frequencies(22, fmin=0, fmax=11025, htk=True)[:-2]
    index = pd.read_csv("data/features/index.csv")["recording_id"]
    dead = begins_hz >= measured[index].to_numpy()[:, np.newaxis]
    assert metrics["dead_bands"]["share_of_image"] == pytest.approx(dead.mean(), abs=1e-4) and dead.any()

    images, scored = np.load("data/features/images.npy"), pd.read_csv("data/fusion/subject_wise/selected/audio.csv")
    folds_of = pd.read_csv("data/folds/subject_wise.csv").set_index("recording_id")
    import keras

    people = []
    for fold in (1, 2):
        tested = (folds_of.loc[index, "fold"] == fold).to_numpy()
        trained = (folds_of.loc[index, f"validation_{fold}"] == 0).to_numpy() & ~tested
        covered = np.where(dead[tested][:, :, np.newaxis], images[trained].mean(axis=0), images[tested])
        network = keras.models.load_model(f"models/subject_wise/audio/fold_{fold}.keras", compile=False)
        predicted = network.predict(covered, verbose=0)[:, -1]
        people.append(folds_of.loc[index[tested]].assign(fold=fold, hidden=predicted))
    table = pd.concat(people).join(scored.set_index("recording_id")["probability"])
    by_subject = table.groupby("subject_id")[["label", "probability", "hidden"]].mean()
    loss = {name: log_loss(by_subject["label"], by_subject[name]) for name in ("probability", "hidden")}
    rise = metrics["dead_bands"]["log_loss_rise"]
    assert rise["value"] == pytest.approx(loss["hidden"] - loss["probability"], abs=3e-4)
    assert rise["low"] <= rise["value"] <= rise["high"]


def test_a_deletion_curve_begins_with_all_of_the_effect_and_ends_with_none():
    curves = pd.read_csv("plots/explain/deletion.csv")
    assert curves["share_deleted"].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1], abs=1e-4)
    for order in ("random", "integrated_gradients", "grad_cam"):
        assert curves[order].iloc[0] == curves["random"].iloc[0] >= 0
        assert curves[order].iloc[-1] == 0


def test_there_are_groups_of_common_and_of_all_columns():
    table = pd.read_csv("plots/explain/permutation.csv").set_index(["model", "group"])
    assert set(table.index.levels[0]) == {"clinical_common", "fused_common", "clinical_all", "fused_all"}
    assert table.loc[("fused_common", "All columns"), "columns"] == 3
    assert table.loc[("fused_all", "ALSFRS-R"), "columns"] == 14
    np.testing.assert_allclose(table["by_values"] + table["by_recording"], table["lost"], atol=2e-4)
    fused = json.loads(Path("metrics/fusion/subject_wise.json").read_text())["selected"]
    for model in ("clinical_common", "fused_common", "clinical_all", "fused_all"):
        expected = fused[model]["per_subject"]["roc_auc"]
        assert table.loc[(model, "All columns"), "auc"] == pytest.approx(expected, abs=2e-4)


def test_in_the_all_model_a_controls_decision_rests_on_cells_that_are_not_recorded_and_in_common_on_none():
    groups = pd.read_csv("plots/explain/shap_groups.csv").set_index(["model", "class", "group"]).sort_index()
    assert groups.loc[("fused_all", "HC", "ALSFRS-R"), "not_recorded"] > 0
    assert groups.loc[("fused_all", "HC", "ALSFRS-R"), "recorded"] == 0
    assert (groups.loc["fused_common", "not_recorded"] == 0).all()
    np.testing.assert_allclose(groups.groupby(["model", "class"])["share"].sum(), 1, atol=1e-3)


def test_no_table_names_a_subject_or_a_recording():
    subjects = pd.read_csv("data/cohort/subjects.csv")["subject_id"]
    for path in [Path("metrics/explain.json"), *Path("plots/explain").glob("*.csv")]:
        text = path.read_text()
        assert not [name for name in subjects if name in text], path


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name == "src"]


def test_the_page_has_sound_and_picture_of_each_error_and_of_nothing_else():
    scored = pd.read_csv("data/fusion/subject_wise/selected/audio.csv")
    wrong = scored[scoring.called(scored["probability"]) != scored["label"]]
    errors = pd.read_csv("data/explain/errors.csv").set_index("recording_id")
    assert sorted(errors.index) == sorted(wrong["recording_id"]) and len(errors)
    assert errors.loc[wrong["recording_id"], "probability"].tolist() == wrong["probability"].tolist()
    released = Path("release")
    for _, error in errors.iterrows():
        assert Path(error["audio"]).exists() and (released / error["released"]).exists()
        assert (Path("data/explain") / error["picture"]).exists()
    links = Links()
    links.feed(Path("data/explain/errors.html").read_text())
    assert len(links.found) == 2 * len(errors)
    assert all((Path("data/explain") / link).exists() for link in links.found)


def test_a_name_that_html_or_an_address_would_misread_still_leads_to_its_sound_and_picture():
    name = """a'b"c#1?<i>&50%_A"""
    page = error_page.section("title", name, Path("data/audio") / f"{name}.wav", f"{name}.wav", Path("data/explain"))
    links = Links()
    links.feed(page)
    assert [unquote(link) for link in links.found] == [f"../../data/audio/{name}.wav", f"{name}.png"]
    assert not set("#?<'") & set("".join(links.found)) and "<i>" not in page


@pytest.mark.slow
def test_the_stage_chooses_its_backend_before_anything_imports_keras():
    command = "import sys, stages.explain; print({'keras', 'tensorflow', 'jax'} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "set()"
