"""The real `dvc repro` and `dvc exp`, as a user types them, in a copy of the project on a tiny synthetic cohort."""

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dvc.api
import pandas as pd
import pytest
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from dvc.repo.index import Index

from bulbar.core.names import PROTOCOLS
from tests.disclosure import People, told_by
from tests.pipelines import CHECK, ROOT, TINY, Pipeline, first_run, fits_to_do, git, stages_run, tracked_files
from tests.releases import write_minsk2020

PER_ROLE = ("ingest", "preprocess_audio", "mel_spectrogram", "folds")


def of_both_protocols(*stages: str) -> set[str]:
    """The names that DVC gives the two of a stage that is run once per protocol."""
    return {f"{stage}@{protocol}" for stage in stages for protocol in PROTOCOLS}


def of_both_cohorts(*stages: str) -> set[str]:
    """The names that DVC gives the two of a stage that is run once per role of a cohort."""
    return {f"{stage}@{role}" for stage in stages for role in ("main", "external")}


BEFORE_TRAINING = {
    *("phantom", "external_phantom", "preprocess_clinical", "conditions", "acoustic"),
    *of_both_cohorts(*PER_ROLE),
    *of_both_protocols("baselines"),
}
TRAINING_AND_AFTER = {
    *of_both_protocols("sweep", "select", "fusion", "spread", "appraise"),
    *("external", "evaluate", "audit", "explain", "checklist", "deploy", "model_card", "report"),
}


@pytest.fixture(scope="module")
def stages() -> Iterator[Index]:
    """The stages as DVC reads them."""
    with Repo(str(ROOT)) as repo:
        yield repo.index


@pytest.fixture(scope="session")
def heard(tmp_path_factory) -> Pipeline:
    """The voices have been made, checked and cleaned, and are committed."""
    pipeline, ran = first_run(tmp_path_factory.mktemp("heard"), "preprocess_audio@main")
    assert ran == {"phantom", "ingest@main", "preprocess_audio@main"}
    return pipeline


# What is stale after a change: the stages that declare a param, as DVC reads them; slow, what `dvc status` says.

TOUCHES: list[tuple[str, object, set[str]]] = [
    ("train.learning_rate", 0.002, set()),
    ("sweep.dropout_rates", [0.1], set()),
    ("spectrogram.mel_bands", 33, of_both_cohorts("mel_spectrogram")),
    ("audio.top_db", 31.0, {"conditions", *of_both_cohorts("ingest", "preprocess_audio")}),
    ("audio.bandwidth_hz", 4000.0, {"conditions", *of_both_cohorts("ingest", "preprocess_audio")}),
    ("external.cohort.root", "data/raw/phantom", {"ingest@external", "preprocess_audio@external"}),
    ("external.phantom.noise_db", 3.0, {"external_phantom"}),
    ("external.tasks", ["A"], set()),
    ("external.bandwidth_hz", None, set()),
    ("phantom.max_epochs", 2, {"phantom", "external_phantom"}),
    ("spread.repeats", 3, set()),
    ("spread.seeds", 3, set()),
    ("compute.workers", 2, set()),
    ("compute.fit_cache", "elsewhere", set()),
    ("compute.backend", "ray", set()),
    ("compute.attempts", 1, set()),
]
"""A param, another value of it, and the stages before the training that a change of it makes stale."""


@pytest.mark.parametrize(("key", "touched"), [(key, touched) for key, _, touched in TOUCHES])
def test_a_param_touches_before_the_training_what_it_shapes_and_nothing_else(stages, key, touched):
    declaring = {
        stage.addressing for stage in stages.stages for dep in stage.deps
        if isinstance(dep, ParamsDependency) and any(f"{key}.".startswith(f"{declared}.") for declared in dep.params)
    }  # fmt: skip
    assert declaring & BEFORE_TRAINING == touched


@pytest.mark.slow
def test_dvc_status_names_the_stages_that_a_param_touches(finished):
    for key, value, touched in TOUCHES:
        assert finished.changed_by({key: value}) & BEFORE_TRAINING == touched, key


@pytest.mark.slow
def test_byte_code_beside_the_modules_touches_nothing(study):
    cache = study.folder / "bulbar/cohort/__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "another.cpython-399.pyc").write_bytes(b"compiled by another Python")
    assert study.stale() == set()


# What reaches a remote.


def held(remote: Path) -> set[str]:
    """The hashes of what a local DVC remote holds."""
    return {path.parent.name + path.name for path in remote.glob("files/md5/*/*")}


def hashes(pipeline: Pipeline, *folders: str) -> set[str]:
    """Of every file that stages wrote below the folders, but the synthetic releases."""
    written = [path for path in pipeline.outs() if path.parts[0] in folders and "raw" not in path.parts]
    return {hashlib.md5((pipeline.folder / path).read_bytes()).hexdigest() for path in written}


def with_remotes(study: Pipeline, tmp_path: Path) -> tuple[Path, Path]:
    """A default remote that others read, and another called private-clinic."""
    shared, private = tmp_path / "shared", tmp_path / "private-clinic"
    remotes = "".join(f"['remote \"{path.name}\"']\n    url = {path}\n" for path in (shared, private))
    (study.folder / ".dvc/config.local").write_text(f"[core]\n    remote = {shared.name}\n{remotes}")
    return shared, private


def test_a_push_brings_no_voice_and_no_row_of_a_subject_to_a_remote(heard, tmp_path):
    study = heard.copy(tmp_path / "project")
    shared, private = with_remotes(study, tmp_path)
    study.dvc("push", "--run-cache")
    assert held(shared)  # the synthetic releases
    assert not held(shared) & hashes(study, "data", "models")
    assert not private.exists()
    listed = "".join(one.read_text() for one in shared.rglob("*.dir"))
    assert "phonationA" in listed and "subjects.csv" not in listed and "images.npy" not in listed


def test_params_name_the_remote_that_voices_go_to_and_they_go_to_no_other(heard, tmp_path):
    study = heard.copy(tmp_path / "project")
    shared, private = with_remotes(study, tmp_path)
    before = study.stale()
    study.change({"remote.private": "clinic"})
    assert study.stale() == before
    study.dvc("push", "-r", "shared")
    assert not held(shared) & hashes(study, "data", "models")
    study.dvc("push")
    assert not held(shared) & hashes(study, "data", "models")
    assert hashes(study, "data", "models") <= held(private)


@pytest.mark.slow
def test_a_remote_that_is_not_there_gets_nothing_and_neither_does_the_default_one(heard, tmp_path):
    study = heard.copy(tmp_path / "project")
    shared, _ = with_remotes(study, tmp_path)
    study.change({"remote.private": ""})
    assert "remote 'private-' doesn't exist" in study.dvc("push", fails=True)
    assert not held(shared)
    study.change({"remote.private": None})  # as `none`
    study.dvc("push")
    assert held(shared) and not held(shared) & hashes(study, "data", "models")


@pytest.mark.slow
def test_of_a_whole_study_the_page_and_the_synthetic_releases_reach_a_remote_and_no_more(study, tmp_path):
    shared, private = with_remotes(study, tmp_path)
    study.dvc("push", "--run-cache")
    assert held(shared) & hashes(study, "report") and not held(shared) & hashes(study, "data", "models")
    released = [one for one in study.folder.glob("data/**/raw/**/*") if one.is_file()]
    voices = {hashlib.md5(one.read_bytes()).hexdigest() for one in released}
    folders = {name for name in held(shared) if name.endswith(".dir")}
    assert held(shared) - folders <= voices | hashes(study, "report")
    git(study.folder, "init", "--quiet", "--bare", str(tmp_path / "theirs"))
    study.dvc("exp", "run", "-n", "other", "-S", "bootstrap.draws=100", "model_card")
    study.dvc("exp", "push", str(tmp_path / "theirs"), "other")
    assert not held(shared) & hashes(study, "data", "models") and not private.exists()


@pytest.mark.slow
def test_params_diff_names_the_changed_key(study):
    study.change({"train.learning_rate": 0.002})
    shown = study.dvc("params", "diff", "--md")
    assert re.search(r"train\.learning_rate *\| 0\.001 *\| 0\.002 ", shown)


def test_the_stages_of_the_study_that_train_draw_no_figure(stages):
    """So a colour, which is in a package of its own, makes none of them stale."""
    trained = of_both_protocols("sweep", "fusion", "spread")
    deps = {stage.addressing: {dep.def_path for dep in stage.deps} for stage in stages.stages}
    assert trained <= set(deps)
    assert not [name for name in trained if "bulbar/style" in deps[name]]


def test_every_stage_stands_in_the_order_the_data_flows(stages):
    edges = {
        (before.addressing, after.addressing) for after, before in stages.graph.edges()
        if after.path_in_repo == "dvc.yaml"
    }  # fmt: skip
    assert {stage for edge in edges for stage in edge} == BEFORE_TRAINING | TRAINING_AND_AFTER | {CHECK}
    for before, after in [
        (CHECK, "phantom"),
        (CHECK, "ingest@main"),
        ("phantom", "ingest@main"),
        ("external_phantom", "ingest@external"),
        ("mel_spectrogram@main", "sweep@record_wise"),
        ("mel_spectrogram@main", "external"),
        ("mel_spectrogram@external", "external"),
        ("sweep@subject_wise", "select@subject_wise"),
        ("select@subject_wise", "fusion@subject_wise"),
        ("fusion@record_wise", "evaluate"),
        ("baselines@subject_wise", "appraise@subject_wise"),
        ("conditions", "audit"),
        ("fusion@subject_wise", "explain"),
        ("audit", "checklist"),
        ("fusion@subject_wise", "deploy"),
        ("deploy", "model_card"),
        ("appraise@subject_wise", "report"),
        ("audit", "report"),
    ]:
        assert (before, after) in edges
    assert not [edge for edge in edges if "record_wise" in edge[0] and "subject_wise" in edge[1]]
    heard_of = {after for before, after in edges if "external" in before}
    assert heard_of <= {*of_both_cohorts(*PER_ROLE), "external", "report"}
    assert not [edge for edge in edges if "external" in edge[0] and edge[1].endswith("@main")]


def test_a_run_writes_its_outs_a_second_does_nothing_and_an_impossible_setting_is_told_with_its_key(tmp_path):
    study, ran = first_run(tmp_path, "phantom", changes=TINY | {"phantom.subjects": 6})
    assert ran == {"phantom"}
    assert len(list((study.folder / "data/raw/phantom").rglob("*.wav"))) == 6
    assert stages_run(study.dvc("repro", "phantom")) == set()
    shown = study.dvc("exp", "run", "-S", "phantom.subjects=1", "phantom", fails=True)
    assert "params.yaml: phantom.subjects" in shown
    assert "Traceback" not in shown


# The whole of it: minutes.


@pytest.mark.slow
def test_the_first_repro_runs_every_stage(finished_run):
    assert finished_run[1] == BEFORE_TRAINING | TRAINING_AND_AFTER


@pytest.mark.slow
def test_a_second_repro_runs_nothing(study):
    shown = study.dvc("repro")
    assert stages_run(shown) == set()
    assert "up to date" in shown
    assert study.stale() == set()


@pytest.mark.slow
def test_a_learning_rate_reruns_the_training_and_what_follows_and_nothing_before(study):
    study.change({"train.learning_rate": 0.01})
    assert stages_run(study.dvc("repro")) == TRAINING_AND_AFTER


def edit(file: Path, before: str, after: str) -> None:
    """Replace a text that stands in a file."""
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


@pytest.mark.slow
def test_another_colour_of_the_figures_trains_nothing(study):
    edit(study.folder / "bulbar/style/figure_style.py", '"#0072B2"', '"#0072B3"')
    shown = study.dvc("repro")
    ran = stages_run(shown)
    assert "evaluate" in ran and not ran & of_both_protocols("sweep", "select", "fusion", "spread", "baselines")
    assert {to_do for to_do, _ in fits_to_do(shown).values()} == {0}


@pytest.mark.slow
def test_a_reworded_docstring_and_a_moved_import_train_nothing_and_change_no_output(study):
    trainer = study.folder / "bulbar/training/trainer.py"
    edit(trainer, '"""One fit: a network trained', '"""One single fit: a network trained')
    edit(trainer, "import json\nimport math\n", "import math\nimport json\n")
    shown = study.dvc("repro")
    assert stages_run(shown) == {*of_both_protocols("sweep", "fusion", "spread"), "external", "explain"}
    assert {to_do for to_do, _ in fits_to_do(shown).values()} == {0}


@pytest.mark.slow
def test_another_start_of_the_selected_cell_costs_its_own_fits_only(study):
    study.change({"spread.seeds": 2})
    shown = study.dvc("repro")
    assert stages_run(shown) == {*of_both_protocols("spread"), "checklist", "report"}
    assert fits_to_do(shown) == {f"spread, {protocol}": (2, 2) for protocol in PROTOCOLS}


@pytest.mark.slow
def test_a_new_dropout_rate_costs_its_own_fits_only(study):
    study.change({"sweep.dropout_rates": [0.3, 0.2]})
    shown = study.dvc("repro", "sweep")
    assert stages_run(shown) == {f"sweep@{protocol}" for protocol in PROTOCOLS}
    assert fits_to_do(shown) == {f"sweep, {protocol}": (2, 2) for protocol in PROTOCOLS}


@pytest.mark.slow
def test_fits_that_are_kept_are_not_trained_again_when_all_outs_are_gone(study):
    before = (study.folder / "dvc.lock").read_bytes()
    shown = study.dvc("repro", "--force", "--single-item", "sweep", "fusion")
    assert fits_to_do(shown) == {
        **{f"sweep, {protocol}": (0, 2) for protocol in PROTOCOLS},
        **{f"fusion, {protocol}": (0, 20) for protocol in PROTOCOLS},
    }
    assert (study.folder / "dvc.lock").read_bytes() == before


def contents(path: Path) -> bytes:
    """A file's bytes, and those of its members where it is a zip."""
    content = path.read_bytes()
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return content + b"".join(archive.read(name) for name in archive.namelist())
    return content


@pytest.mark.slow
def test_no_out_holds_a_path_of_this_machine_or_the_time_of_its_writing(finished):
    today = date.today()
    telling = [str(finished.folder.parent), f"{Path.home()}/", today.isoformat()]
    telling += [today.strftime(form) for form in ("%d.%m.%Y", "%Y:%m:%d", "%d %b %Y")]
    telling += [name for name in [os.uname().nodename] if len(name) > 5]  # a shorter one occurs in any noise
    outs = list(finished.outs())
    assert {"data", "metrics", "models", "plots", "report"} == {out.parts[0] for out in outs}
    found = [(str(out), word) for out in outs for word in telling if word.encode() in contents(finished.folder / out)]
    assert not found


@pytest.mark.slow
def test_what_git_holds_names_no_subject(finished):
    subjects = pd.read_csv(finished.folder / "data/cohort/subjects.csv")["subject_id"]
    in_git = [out for out in finished.outs() if out.parts[0] in ("metrics", "plots", "report")]
    assert len(in_git) > 50
    for out in in_git:
        text = (finished.folder / out).read_bytes()
        assert b"subject_id" not in text and b"recording_id" not in text, out
        assert not [subject for subject in subjects if subject.encode() in text], out


# What is handed on.


@pytest.mark.slow
def test_neither_git_nor_the_report_tells_of_a_single_person(finished):
    tracked = tracked_files(finished.folder)
    written = [name for name in tracked if name.startswith(("dvc.lock", "metrics/", "plots/", "report/"))]
    assert not told_by(People(finished.folder / "data"), finished.folder, [*written, "report/index.html"])


@pytest.mark.slow
def test_the_deployed_models_are_fetched_by_name_and_predict_without_their_project(finished, tmp_path):
    study = finished.copy(tmp_path / "project")
    git(study.folder, "tag", "--annotate", "als-voice@v0.1.0", "--message", "First")
    elsewhere = tmp_path / "colleague"
    elsewhere.mkdir()
    study.dvc("artifacts", "get", str(study.folder), "als-voice", "--rev", "v0.1.0", "--out", str(elsewhere / "models"))
    shown = dvc.api.artifacts_show("als-voice", repo=str(study.folder))
    told = json.loads(dvc.api.read(f"{shown['path']}/settings.json", repo=str(study.folder), rev=shown["rev"]))
    assert told == json.loads((elsewhere / "models/settings.json").read_text())

    recording = next((study.folder / "data/raw/phantom/phonationA").iterdir())
    command = [sys.executable, "-m", "bulbar.commands", "predict", str(recording), "--model", "models", "--json"]
    code = study.environment | {"PYTHONPATH": str(study.folder)}
    run = subprocess.run(command, cwd=elsewhere, env=code, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    scores = json.loads(run.stdout)["recordings"][0]["probability"]["scores"]
    stored = pd.read_csv(study.folder / "data/fusion/subject_wise/selected/audio.csv", index_col="recording_id")
    row = stored.loc[f"{recording.stem.split('_')[0]}_A"]
    assert scores[int(row["fold"]) - 1] == row["probability"]


# Experiments.


@pytest.fixture(scope="session")
def experiments(finished, tmp_path_factory) -> tuple[Pipeline, str, str]:
    """One experiment run in the workspace and two queued ones; what the first printed, and the log of a queued one."""
    pipeline = finished.copy(tmp_path_factory.mktemp("experiments") / "project")
    direct = pipeline.dvc("exp", "run", "-n", "smaller-batch", "-S", "train.batch_size=4")
    queued = {"more-dropout": "sweep.dropout_rates=[0.3,0.1]", "other-rate": "train.learning_rate=0.003"}
    for name, change in queued.items():
        pipeline.dvc("exp", "run", "--queue", "-n", name, "-S", "train.batch_size=32", "-S", change)
    pipeline.dvc("exp", "run", "--run-all")
    assert re.search(r"more-dropout +.*Success", pipeline.dvc("queue", "status"))
    return pipeline, direct, pipeline.dvc("queue", "logs", "more-dropout")


@pytest.mark.slow
def test_an_experiment_runs_from_the_command_line(experiments):
    _, direct, _ = experiments
    assert "Ran experiment(s): smaller-batch" in direct
    assert stages_run(direct) == TRAINING_AND_AFTER


@pytest.mark.slow
def test_queued_experiments_share_the_kept_fits(experiments):
    _, _, log = experiments
    assert fits_to_do(log)["sweep, record_wise"] == (2, 2)
    assert fits_to_do(log)["sweep, subject_wise"] == (2, 2)


@pytest.mark.slow
def test_exp_show_lists_every_experiment_with_its_scores_and_params(experiments):
    pipeline, _, _ = experiments
    shown = pipeline.dvc("exp", "show", "--md")
    for name in ("smaller-batch", "more-dropout", "other-rate"):
        assert name in shown
    assert "train.batch_size" in shown and "subject_wise.selected.audio_subject_auc" in shown
    assert json.loads(pipeline.dvc("exp", "show", "--json"))


@pytest.mark.slow
def test_metrics_and_params_diff_compare_an_experiment_with_the_commit(experiments):
    pipeline, _, _ = experiments
    assert "metrics/evaluate.json" in pipeline.dvc("metrics", "diff", "--md", "--all", "HEAD", "smaller-batch")
    long = pipeline.dvc(
        "metrics", "diff", "HEAD", "other-rate", "--all", "--targets", "metrics/sweep/subject_wise.json"
    )
    assert "S1B.0.3" in long
    assert re.search(r"train\.learning_rate\W+0\.001\W+0\.003", pipeline.dvc("params", "diff", "HEAD", "other-rate"))


@pytest.mark.slow
def test_plots_show_and_diff_draw_the_figures(experiments):
    pipeline, _, _ = experiments
    for folder, command in [("shown", ["show"]), ("compared", ["diff", "HEAD", "other-rate"])]:
        pipeline.dvc("plots", *command, "--out", folder)
        page = (pipeline.folder / folder / "index.html").read_text()
        for figure in ("Table 4", "Figure 11", "Figure 12", "Figure 13", "Figure 14", "ROC"):
            assert figure in page
    assert "other-rate" in page


# A release with another reader.


@pytest.mark.slow
def test_a_minsk_shaped_release_runs_end_to_end_and_the_phantom_s_cap_does_not_touch_it(study, tmp_path):
    root = write_minsk2020(tmp_path / "release", patients=range(1, 8), controls=range(1, 7))
    cohort = ["-S", "cohort.source=minsk2020", "-S", f"cohort.root={root}", "-S", "train.max_epochs=2"]
    shown = study.dvc("exp", "run", *cohort)
    of_the_other = {"external_phantom", *(f"{stage}@external" for stage in PER_ROLE)}
    assert stages_run(shown) >= TRAINING_AND_AFTER | BEFORE_TRAINING - {"phantom"} - of_the_other
    counts = json.loads((study.folder / "metrics/ingest.json").read_text())
    assert (counts["source"], counts["synthetic"], counts["subjects"], counts["recordings"]) == (
        "minsk2020",
        False,
        13,
        26,
    )
    for protocol in PROTOCOLS:
        epochs = pd.read_csv(study.folder / f"data/sweep/{protocol}/fits.csv")["epochs"]
        assert set(epochs) == {2}, f"phantom.max_epochs is {TINY['phantom.max_epochs']}"
    assert "minsk2020 cohort" in (study.folder / "data/evaluate/tables.md").read_text()
    assert "No external cohort" in (study.folder / "metrics/external.md").read_text()


@pytest.mark.slow
def test_a_minsk_shaped_release_beside_the_phantom_retrains_the_comparison_and_nothing_of_the_study(study, tmp_path):
    root = write_minsk2020(tmp_path / "release", patients=range(1, 8), controls=range(1, 7))
    other = ["-S", "external.cohort.source=minsk2020", "-S", f"external.cohort.root={root}"]
    shown = study.dvc("exp", "run", *other)
    assert stages_run(shown) == {*(f"{stage}@external" for stage in PER_ROLE), "external", "report"}
    page = (study.folder / "metrics/external.md").read_text()
    assert "| external (minsk2020) | 7 / 6 | 13 | 44100, 48000 | 100 |" in page
