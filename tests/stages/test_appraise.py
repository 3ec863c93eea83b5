import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bulbar.appraisal.calibration import Estimate
from bulbar.appraisal.groups import SCORES, Group
from bulbar.core.names import PROTOCOLS
from bulbar.scoring import intervals, metrics
from stages import appraise
from stages.parts import appraisal_plots
from tests.projects import write_cohort, write_csv, write_params
from tests.sweeps import predictions, subjects_and_recordings, with_folds, write_sweep

SUBJECTS = 60
DRAWS = {"bootstrap": {"draws": 100}}


def write_project(folder: Path, *, synthetic: bool = True, baselines: bool = True, **params: object) -> Path:
    """What ingest, fusion and baselines leave behind: a made-up cohort of 60 with two recordings each."""
    write_params(folder, **(DRAWS | params))
    recordings = subjects_and_recordings(SUBJECTS)
    subjects = recordings.drop_duplicates("subject_id")[["subject_id", "label"]].reset_index(drop=True)
    number = np.arange(SUBJECTS)
    patient = subjects["label"] == 1
    subjects = subjects.assign(
        label=np.where(patient, "ALS", "HC"),
        sex=np.where(number % 2, "F", "M"),
        age_years=45 + number % 35,
        alsfrs_r_speech=np.where(patient, 4 - number // 20, np.nan),
    )
    write_cohort(folder, subjects, synthetic=synthetic)
    tasks = recordings["recording_id"].str.split("_").str[1]
    write_csv(folder / "data/cohort/recordings.csv", recordings[["recording_id", "subject_id"]].assign(task=tasks))
    for protocol in PROTOCOLS:
        write_sweep(folder, protocol, architectures=["S1B"], dropout_rates=[0.3], subjects=SUBJECTS)
        folds = with_folds(recordings, protocol)
        for place, (name, effect) in enumerate({"majority": 0.0, "age_sex": 0.1}.items() if baselines else ()):
            write_csv(folder / f"data/baselines/{protocol}/{name}.csv", predictions(folds, effect, 30 + place))
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = write_project(tmp_path_factory.mktemp("appraised"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for protocol in PROTOCOLS:
            appraise.main(protocol)
    return root


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A real cohort, large enough for isotonic scaling, on which no baseline was run."""
    root = write_project(
        tmp_path_factory.mktemp("other"), synthetic=False, baselines=False, appraise={"isotonic_from": SUBJECTS}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        appraise.main("subject_wise")
    return root


def found_in(root: Path, protocol: str = "subject_wise") -> dict:
    return json.loads((root / f"metrics/appraise/{protocol}.json").read_text())


def people(root: Path, model: str = "audio", protocol: str = "subject_wise") -> pd.DataFrame:
    table = pd.read_csv(root / f"data/fusion/{protocol}/selected/{model}.csv", dtype={"subject_id": str})
    return metrics.per_subject(table)


def test_scores_before_scaling_are_those_of_each_subjects_mean_probability(project):
    subjects, found = people(project), found_in(project)["calibration"]["audio"]
    brier = ((subjects["probability"] - subjects["label"]) ** 2).mean()
    assert found["uncalibrated"]["brier"]["value"] == pytest.approx(brier, abs=1e-4)
    assert found["base_rate_brier"] == pytest.approx(2 / 9, abs=1e-4)
    assert set(found["platt"]) == {"brier", "ece", "ece_by_chance", "log_loss", "slope", "intercept", "scaler"}
    assert found["isotonic"] == {"absent": "60 subjects, fewer than appraise.isotonic_from (200)"}


def test_isotonic_scaling_is_tried_from_the_number_of_subjects_that_is_asked_for(other):
    assert "brier" in found_in(other)["calibration"]["audio"]["isotonic"]
    assert (other / "plots/appraise/subject_wise/reliability_audio_isotonic.csv").exists()


def test_calls_at_the_chosen_threshold_can_be_made_again_from_the_subjects_table(project):
    table = pd.read_csv(project / "data/appraise/subject_wise/audio.csv")
    calls = table["uncalibrated"] >= table["threshold_at_specificity_0.9"]
    found = found_in(project)["operating_points"]["audio"]["specificity_0.9"]
    assert found["sensitivity"]["value"] == pytest.approx(calls[table["label"] == 1].mean(), abs=1e-4)
    assert found["specificity"]["value"] == pytest.approx(1 - calls[table["label"] == 0].mean(), abs=1e-4)
    se, sp = found["sensitivity"]["value"], found["specificity"]["value"]
    ppv = se * 0.05 / (se * 0.05 + (1 - sp) * 0.95)
    assert found["at_prevalence"]["0.05"]["ppv"]["value"] == pytest.approx(ppv, abs=1e-3)
    assert list(found["at_prevalence"]) == ["0.01", "0.05", "0.2", "0.67"]


def test_split_by_recording_nothing_is_chosen_and_all_is_marked_as_biased(project):
    found = found_in(project, "record_wise")
    assert "subject lies in several folds" in found["biased"]
    assert found_in(project)["biased"] is False
    assert set(found["calibration"]["audio"]["uncalibrated"]) == {"brier", "ece", "ece_by_chance"}
    assert "absent" in found["calibration"]["audio"]["platt"]
    assert list(found["operating_points"]["audio"]) == ["threshold_0.5"]
    assert found["earns_its_place"].startswith("Biased, because the split separates no speakers: The network")
    assert "Every score here is biased" in (project / "data/appraise/record_wise/tables.md").read_text()


def test_every_pair_whose_models_are_there_is_compared(project):
    found = found_in(project)["comparisons"]
    assert list(found) == ["audio vs majority", "audio vs age_sex", "fused_common vs audio",
                           "fused_common vs clinical_common", "fused_all vs clinical_all", "fused_all vs audio",
                           "audio vs published audio"]  # fmt: skip
    accuracy = {
        model: metrics.accuracy(table["label"], table["probability"])
        for model in ("fused_all", "audio")
        for table in [people(project, model)]
    }
    difference = found["fused_all vs audio"]["per_subject"]["accuracy"]
    assert difference["difference"] == pytest.approx(accuracy["fused_all"] - accuracy["audio"], abs=1e-4)
    assert difference["p_holm"] >= difference["p"]


def test_without_baselines_the_stage_runs_and_says_so(other):
    assert found_in(other)["earns_its_place"].startswith("No baseline was run")
    assert next(iter(found_in(other)["comparisons"])) == "fused_common vs audio"


def test_groups_and_well_spoken_patients_are_counted(project):
    found = found_in(project)
    assert list(found["groups"]["audio"]) == ["sex", "age", "task", "ALSFRS-R speech"]
    assert sum(group["patients"] for group in found["groups"]["audio"]["sex"].values()) == 40
    normal = found["normal_speech"]["audio"]
    subjects = people(project)
    rated = pd.read_csv(project / "data/cohort/subjects.csv").query("alsfrs_r_speech == 4")["subject_id"]
    share = (subjects.loc[subjects["subject_id"].isin(rated), "probability"] >= 0.5).mean()
    assert normal["patients"] == len(rated)
    assert normal["found"]["threshold_0.5"]["value"] == pytest.approx(share, abs=1e-4)


def test_where_hc_is_the_positive_class_all_still_speaks_of_patients(tmp_path, monkeypatch, project):
    monkeypatch.chdir(write_project(tmp_path, positive_class="HC"))
    for path in tmp_path.glob("data/*/subject_wise/**/*.csv"):
        table = pd.read_csv(path)
        if {"label", "probability"} <= set(table):
            table.assign(label=1 - table["label"], probability=1 - table["probability"]).to_csv(path, index=False)
    appraise.main("subject_wise")
    turned, found = found_in(tmp_path), found_in(project)
    assert turned["operating_points"]["audio"]["threshold_0.5"] == found["operating_points"]["audio"]["threshold_0.5"]
    assert turned["groups"]["audio"]["sex"]["F"]["patients"] == found["groups"]["audio"]["sex"]["F"]["patients"]


def test_nothing_in_git_names_a_subject_or_holds_ones_own_probability(project):
    for path in [*(project / "plots").rglob("*.csv"), *(project / "metrics/appraise").rglob("*.json")]:
        text = path.read_text()
        assert not {"subject_id", "recording_id", "probability"} & set(text.splitlines()[0].split(","))
        assert "S001" not in text
    thresholds = pd.read_csv(project / "data/appraise/subject_wise/audio.csv")["threshold_at_specificity_0.9"]
    written = (project / "metrics/appraise/subject_wise.json").read_text()
    assert not any(f" {threshold:.4f}" in written for threshold in thresholds.unique())


def test_every_figure_is_there_as_data_and_as_picture(project):
    for protocol in PROTOCOLS:
        plots = project / "plots/appraise" / protocol
        assert {path.name for path in plots.glob("*.png")} == {"reliability.png", "groups.png", "comparisons.png"}
        assert {"reliability_audio_uncalibrated.csv", "groups_audio.csv", "groups_fused_common.csv",
                "comparisons.csv"} <= {path.name for path in plots.glob("*.csv")}  # fmt: skip
    assert (project / "plots/appraise/subject_wise/reliability_audio_platt.csv").exists()


def test_every_output_says_whose_voices_it_is_about(project, other):
    assert found_in(project)["synthetic"] is True
    assert "## subject_wise, synthetic cohort" in (project / "data/appraise/subject_wise/tables.md").read_text()
    assert found_in(other)["synthetic"] is False
    assert "synthetic" not in (other / "data/appraise/subject_wise/tables.md").read_text()


def test_a_group_named_by_a_release_closes_no_script_of_the_page_that_dvc_makes_of_the_plots(tmp_path):
    words = "</script><script>alert(1)</script> $\\frac$"
    scores = dict.fromkeys(SCORES, Estimate(0.5, 0.4, 0.6))
    groups = {"audio": [Group("onset", words, "patients", 9, 8, scores)]}
    appraisal = SimpleNamespace(groups=groups, appraiser=SimpleNamespace(bootstrap=intervals.Settings(draws=100)))
    appraisal_plots.plot_groups(appraisal, tmp_path, "synthetic cohort")
    assert pd.read_csv(tmp_path / "groups_audio.csv")["group"].tolist() == ["onset: " + words.replace("<", "‹")]
    assert (tmp_path / "groups.png").stat().st_size > 1000
