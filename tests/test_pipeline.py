"""The real `dvc repro` and `dvc exp` of both pipelines, as a user types them, in a copy on a tiny synthetic cohort."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dvc.api
import numpy as np
import pandas as pd
import pytest
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from dvc.repo.index import Index

from bulbar.core.names import PROTOCOLS
from tests.disclosure import People, disclosed_by
from tests.pipelines import CHECK, ROOT, Pipeline, first_run, fits_to_do, git, stages_run, tracked_files
from tests.releases import common_voice_row, common_voice_rows, write_common_voice, write_minsk2020

PER_ROLE = ("ingest", "preprocess_audio", "mel_spectrogram", "folds")
TINY_GENDER = {
    "phantom.speakers": 30,
    "phantom.clips": [2, 3],
    "phantom.median_duration_s": 1.5,
    "subset.max_clips_per_speaker": 2,
    "train.max_epochs": 1,
    "network.filters": 4,
    "network.lstm_units": 8,
    "tune.compared": ["grid"],
    "tune.space": {
        **{"filters": [4], "lstm_units": [8], "n_layers": [1], "batch_size": [32], "dropout_rate": [0.3]},
        "learning_rate": [0.001, 0.004],
    },
    "compute.workers": 1,
}


def of_both_protocols(*stages: str) -> set[str]:
    """The names that DVC gives the two of a stage that is run once per protocol."""
    return {f"{stage}@{protocol}" for stage in stages for protocol in PROTOCOLS}


def of_both_cohorts(*stages: str) -> set[str]:
    """The names that DVC gives the two of a stage that is run once per role of a cohort."""
    return {f"{stage}@{role}" for stage in stages for role in ("main", "external")}


OF_THE_OTHER_COHORT = {f"{stage}@external" for stage in PER_ROLE}
PHANTOMS = {"phantom", "external_phantom", "new_people_phantom"}
BEFORE_TRAINING = {
    *(PHANTOMS | {"preprocess_clinical", "conditions", "acoustic"}),
    *of_both_cohorts(*PER_ROLE),
    *of_both_protocols("baselines", "voice"),
    "learning_curve",
}
TRAINING_AND_AFTER = {
    *of_both_protocols("sweep", "select", "fusion", "spread", "appraise"),
    *("external", "evaluate", "overview", "audit", "explain", "checklist", "deploy", "model_card", "report"),
}
GENDER_TRAINING = of_both_protocols("tune", "networks")
GENDER_AFTER_TRAINING = {"evaluate", "overview", "report"}
GENDER_AFTER_PHANTOM = {
    *("ingest", "preprocess_audio", "split", "features", "acoustic", "timbre"),
    *(GENDER_TRAINING | GENDER_AFTER_TRAINING),
}


def bare(stages: set[str]) -> set[str]:
    """Stages by their names alone: from the root DVC puts `gender/dvc.yaml:` before them, inside gender/ nothing."""
    return {name.rpartition(":")[2] for name in stages}


def sets(**changes: object) -> list[str]:
    """The words `-S key=value` of a command; in the keys `__` is a dot."""
    return [word for key, value in changes.items() for word in ("-S", f"{key.replace('__', '.')}={value}")]


@pytest.fixture(scope="module")
def stages() -> Iterator[Index]:
    """The stages as DVC reads them."""
    with Repo(str(ROOT)) as repo:
        yield repo.index


@pytest.fixture(scope="session")
def cleaned(tmp_path_factory) -> Pipeline:
    """The voices have been made, checked and cleaned, and are committed."""
    pipeline, ran = first_run(tmp_path_factory.mktemp("cleaned"), "preprocess_audio@main")
    assert ran == {"phantom", "ingest@main", "preprocess_audio@main"}
    return pipeline


@pytest.fixture(scope="session")
def finished_gender(tmp_path_factory) -> Pipeline:
    """gender/ has run, from the root, and is committed."""
    place = tmp_path_factory.mktemp("gender")
    pipeline, ran = first_run(place, "gender/dvc.yaml", changes=TINY_GENDER, params="gender/params.yaml")
    assert bare(ran) == {"phantom", *GENDER_AFTER_PHANTOM}
    return pipeline


@pytest.fixture
def gender(finished_gender, tmp_path) -> Pipeline:
    """A copy of the finished gender study, to change."""
    return finished_gender.copy(tmp_path / "project")


# What is stale after a change: the stages that declare a param, as DVC reads them; slow, what `dvc status` says.

AUDIO = {"conditions", *of_both_cohorts("ingest", "preprocess_audio")}
TOUCHES: dict[str, tuple[object, set[str]]] = {
    "train.learning_rate": (0.002, set()),
    "sweep.dropout_rates": ([0.1], set()),
    "spectrogram.mel_bands": (33, of_both_cohorts("mel_spectrogram")),
    "audio.top_db": (31.0, AUDIO),
    "audio.bandwidth_hz": (4000.0, AUDIO),
    "external.cohort.root": ("data/raw/phantom", {"ingest@external", "preprocess_audio@external"}),
    "external.phantom.noise_db": (3.0, {"external_phantom"}),
    "external.tasks": (["A"], set()),
    "external.bandwidth_hz": (None, set()),
    "phantom.max_epochs": (2, PHANTOMS),
    "phantom.batch_size": (4, PHANTOMS),
    "spread.repeats": (3, set()),
    "spread.seeds": (3, set()),
    "compute.workers": (2, set()),
    "remote.private": ("clinic", set()),
}
"""A param, another value of it, and the stages before the training that a change of it makes stale."""
TOUCHES_OF_GENDER: dict[str, tuple[object, set[str]]] = {
    "features.mel_bands": (32, {"features"}),
    "augment.copies": (2, {"features", *GENDER_TRAINING}),
    "split.test_share": (0.2, {"split", *GENDER_TRAINING}),
    "subset.max_clips_per_speaker": (1, {"ingest"}),
    "audio.top_db": (40.0, {"ingest", "preprocess_audio", "features"}),
    "compute.workers": (2, set()),
    "phantom.max_epochs": (2, {"phantom", *GENDER_TRAINING}),
    "network.filters": (8, GENDER_TRAINING),
    "tune.batch": (2, of_both_protocols("tune")),
    "tune.storage": ("postgresql://someone@host/studies", set()),
    "bootstrap.draws": (1000, {"evaluate"}),
}


@pytest.mark.parametrize("key", TOUCHES)
def test_a_param_touches_before_the_training_what_it_shapes_and_nothing_else(stages, key):
    declaring = {
        stage.addressing for stage in stages.stages for dep in stage.deps
        if isinstance(dep, ParamsDependency) and any(f"{key}.".startswith(f"{declared}.") for declared in dep.params)
    }  # fmt: skip
    assert declaring & BEFORE_TRAINING == TOUCHES[key][1]


@pytest.mark.slow
def test_dvc_status_names_the_stages_that_a_param_touches_and_none_of_the_other_pipeline(finished, gender):
    for key, (value, touched) in TOUCHES.items():
        assert finished.changed_by({key: value}) & BEFORE_TRAINING == touched, key
    for key, (value, touched) in TOUCHES_OF_GENDER.items():
        expected = {*touched, "report"} if touched else set()
        assert bare(gender.changed_by({key: value}, "gender/")) == expected, key
    gender.change({"spectrogram.mel_bands": 33, "train.batch_size": 4, "audio.top_db": 31.0})
    assert gender.stale("gender/dvc.yaml") == set()


@pytest.mark.slow
def test_byte_code_beside_the_modules_touches_nothing(study):
    cache = study.folder / "bulbar/cohort/__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "another.cpython-399.pyc").write_bytes(b"compiled by another Python")
    assert study.stale() == set()


def test_the_stages_of_the_study_that_train_draw_no_figure(stages):
    """So a colour, which is in a package of its own, makes none of them stale."""
    deps = {stage.addressing: {dep.def_path for dep in stage.deps} for stage in stages.stages}
    assert not [name for name in of_both_protocols("sweep", "fusion", "spread") if "bulbar/style" in deps[name]]


def test_every_stage_stands_in_the_order_the_data_flows_and_protocols_and_cohorts_stay_apart(stages):
    edges = {
        (before.addressing, after.addressing) for after, before in stages.graph.edges()
        if after.path_in_repo == "dvc.yaml"
    }  # fmt: skip
    assert {stage for edge in edges for stage in edge} == BEFORE_TRAINING | TRAINING_AND_AFTER | {CHECK}
    flow = "check_params phantom ingest@main preprocess_audio@main mel_spectrogram@main sweep@subject_wise"
    flow += " select@subject_wise fusion@subject_wise deploy model_card"
    assert {*zip(flow.split(), flow.split()[1:], strict=False)} <= edges
    reached = {after for before, after in edges if "external" in before}
    assert reached == {*OF_THE_OTHER_COHORT, "external", "report"}
    assert not [edge for edge in edges if "record_wise" in edge[0] and "subject_wise" in edge[1]]


def test_dvc_runs_a_stage_once_and_an_impossible_setting_is_refused_with_its_key(tmp_path):
    study = Pipeline(tmp_path / "project", tmp_path / "fit_cache").tiny()
    assert "Running stage 'check_params'" in study.dvc("repro", CHECK)
    study.change({"phantom.subjects": 1})
    shown = study.dvc("repro", CHECK, fails=True)
    assert "params.yaml: phantom.subjects" in shown and "Traceback" not in shown


# What reaches a remote.


def hashes_in(remote: Path) -> set[str]:
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


@pytest.mark.slow
def test_voices_and_rows_of_subjects_go_to_the_remote_that_params_name_and_to_no_other(cleaned, tmp_path):
    study = cleaned.copy(tmp_path / "project")
    shared, private = with_remotes(study, tmp_path)
    study.dvc("push", "--run-cache")
    own = hashes(study, "data", "models")
    assert hashes_in(shared) and not hashes_in(shared) & own  # the synthetic releases
    assert not private.exists()
    listed = "".join(one.read_text() for one in shared.rglob("*.dir"))
    assert "phonationA" in listed and "subjects.csv" not in listed and "images.npy" not in listed
    study.change({"remote.private": "clinic"})
    study.dvc("push")
    assert not hashes_in(shared) & own and own <= hashes_in(private)


@pytest.mark.slow
def test_a_remote_that_is_not_there_gets_nothing_and_neither_does_the_default_one(cleaned, tmp_path):
    study = cleaned.copy(tmp_path / "project")
    shared, _ = with_remotes(study, tmp_path)
    study.change({"remote.private": ""})
    assert "remote 'private-' doesn't exist" in study.dvc("push", fails=True)
    assert not hashes_in(shared)
    study.change({"remote.private": None})  # as `none`
    study.dvc("push")
    assert hashes_in(shared) and not hashes_in(shared) & hashes(study, "data", "models")


@pytest.mark.slow
def test_of_a_whole_study_the_page_and_the_synthetic_releases_reach_a_remote_and_no_more(study, tmp_path):
    shared, private = with_remotes(study, tmp_path)
    study.dvc("push", "--run-cache")
    assert hashes_in(shared) & hashes(study, "report")
    released = [one for one in study.folder.glob("data/**/raw/**/*") if one.is_file()]
    voices = {hashlib.md5(one.read_bytes()).hexdigest() for one in released}
    folders = {name for name in hashes_in(shared) if name.endswith(".dir")}
    assert hashes_in(shared) - folders <= voices | hashes(study, "report")
    git(study.folder, "init", "--quiet", "--bare", str(tmp_path / "theirs"))
    study.dvc("exp", "run", "-n", "other", "-S", "bootstrap.draws=100", "model_card")
    study.dvc("exp", "push", str(tmp_path / "theirs"), "other")
    assert not hashes_in(shared) & hashes(study, "data", "models") and not private.exists()


# The whole of it: minutes.


@pytest.mark.slow
def test_the_first_repro_runs_every_stage_and_a_second_nothing(finished_run, study, finished_gender):
    assert finished_run[1] == BEFORE_TRAINING | TRAINING_AND_AFTER
    assert stages_run(study.dvc("repro")) == set() and study.stale() == set()
    assert stages_run(finished_gender.dvc("repro", "gender/dvc.yaml")) == set()
    assert stages_run(finished_gender.dvc("repro", inside="gender")) == set()


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
    edit(trainer, '"""Training of one fit', '"""Training of one single fit')
    edit(trainer, "import json\nimport math\n", "import math\nimport json\n")
    shown = study.dvc("repro")
    assert stages_run(shown) == {*of_both_protocols("sweep", "fusion", "spread"), "external", "explain"}
    assert {to_do for to_do, _ in fits_to_do(shown).values()} == {0}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "value", "command", "ran"),
    [
        ("spread.seeds", 2, ["repro"], {*of_both_protocols("spread"), "checklist", "report"}),
        ("sweep.dropout_rates", [0.3, 0.2], ["repro", "sweep"], of_both_protocols("sweep")),
    ],
)
def test_another_start_or_dropout_rate_costs_its_own_fits_only(study, key, value, command, ran):
    study.change({key: value})
    shown = study.dvc(*command)
    assert stages_run(shown) == ran
    assert fits_to_do(shown) == {f"{key.split('.')[0]}, {protocol}": (2, 2) for protocol in PROTOCOLS}


@pytest.mark.slow
def test_cached_fits_are_not_trained_again_when_all_outs_are_gone(study):
    before = (study.folder / "dvc.lock").read_bytes()
    shown = study.dvc("repro", "--force", "--single-item", "sweep", "fusion")
    known = {"sweep": 2, "fusion": 16}
    assert fits_to_do(shown) == {f"{name}, {one}": (0, n) for name, n in known.items() for one in PROTOCOLS}
    assert (study.folder / "dvc.lock").read_bytes() == before


@pytest.mark.slow
def test_the_outs_of_gender_lie_in_gender_and_nothing_in_the_other_pipeline_s_folders(finished_gender):
    place = finished_gender.folder
    for protocol in PROTOCOLS:
        index = pd.read_csv(place / f"gender/data/features/{protocol}/index.csv")
        array = np.load(place / f"gender/data/features/{protocol}/features.npy", mmap_mode="r")
        assert len(array) == len(index) > 40 and set(index["part"]) == {"train", "validation", "test"}
    assert not (place / "data/cohort").exists() and not list((place / "metrics").glob("*.json"))


# What is handed on.


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", ["", "gender/"])
def test_neither_git_nor_the_report_discloses_a_single_person(finished, finished_gender, pipeline):
    study = finished_gender if pipeline else finished
    written = tuple(pipeline + name for name in ("dvc.lock", "metrics/", "plots/", "report/"))
    names = [name for name in tracked_files(study.folder) if name.startswith(written)]
    assert len(names) > 20
    names.append(f"{pipeline}report/index.html")
    assert not disclosed_by(People(study.folder / pipeline / "data"), study.folder, names)


@pytest.mark.slow
def test_the_deployed_models_are_fetched_by_name_and_predict_without_their_project(study, tmp_path):
    git(study.folder, "tag", "--annotate", "als-voice@v0.1.0", "--message", "First")
    elsewhere = tmp_path / "colleague"
    elsewhere.mkdir()
    study.dvc("artifacts", "get", str(study.folder), "als-voice", "--rev", "v0.1.0", "--out", str(elsewhere / "models"))
    shown = dvc.api.artifacts_show("als-voice", repo=str(study.folder))
    read = json.loads(dvc.api.read(f"{shown['path']}/settings.json", repo=str(study.folder), rev=shown["rev"]))
    assert read == json.loads((elsewhere / "models/settings.json").read_text())

    recording = next((study.folder / "data/raw/phantom/phonationA").iterdir())
    options = ["--model", "models", "--with", "audio", "--json"]
    command = [sys.executable, "-m", "bulbar.commands", "predict", str(recording), *options]
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
    direct = pipeline.dvc("exp", "run", "-n", "two-epochs", "-S", "phantom.max_epochs=2")
    queued = {"more-dropout": "sweep.dropout_rates=[0.3,0.1]", "other-rate": "train.learning_rate=0.003"}
    for name, change in queued.items():
        pipeline.dvc("exp", "run", "--queue", "-n", name, "-S", "phantom.max_epochs=1", "-S", change)
    pipeline.dvc("exp", "run", "--run-all")
    assert re.search(r"more-dropout +.*Success", pipeline.dvc("queue", "status"))
    return pipeline, direct, pipeline.dvc("queue", "logs", "more-dropout")


@pytest.mark.slow
def test_an_experiment_runs_the_training_and_what_follows_and_queued_ones_share_the_cached_fits(experiments):
    _, direct, log = experiments
    assert "Ran experiment(s): two-epochs" in direct and stages_run(direct) == TRAINING_AND_AFTER | PHANTOMS
    assert {fits_to_do(log)[f"sweep, {protocol}"] for protocol in PROTOCOLS} == {(2, 2)}


@pytest.mark.slow
def test_exp_show_and_the_diffs_have_every_experiment_with_its_scores_and_params(experiments):
    pipeline, _, _ = experiments
    shown = pipeline.dvc("exp", "show", "--md")
    for words in ("two-epochs", "more-dropout", "other-rate", "subject_wise.selected.audio_subject_auc"):
        assert words in shown
    assert "metrics/evaluate.json" in pipeline.dvc("metrics", "diff", "--md", "--all", "HEAD", "two-epochs")
    every_cell = ("--all", "--targets", "metrics/sweep/subject_wise.json")
    assert "S1B.0.3" in pipeline.dvc("metrics", "diff", "HEAD", "other-rate", *every_cell)
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


@pytest.mark.slow
def test_plots_show_has_the_columns_of_gender(finished_gender):
    printed = finished_gender.dvc("plots", "show", "--json", inside="gender")
    shown, _ = json.JSONDecoder().raw_decode(printed[printed.index("{") :])
    ours = {f"{name}_{protocol}" for name in ("best_so_far", "replay", "confusion") for protocol in PROTOCOLS}
    assert all(shown["data"][name] for name in ours)
    assert not ours & {error["name"] for error in shown["errors"]}  # the other pipeline has not run, and has none


# Other releases and targets.


@pytest.mark.slow
def test_a_minsk_shaped_release_runs_end_to_end_and_the_phantom_s_cap_does_not_touch_it(study, tmp_path):
    root = write_minsk2020(tmp_path / "release", patients=range(1, 8), controls=range(1, 7))
    shown = study.dvc("exp", "run", *sets(cohort__source="minsk2020", cohort__root=root, train__max_epochs=2))
    of_phantoms = {"phantom", "external_phantom", "new_people_phantom", *OF_THE_OTHER_COHORT}
    assert stages_run(shown) >= TRAINING_AND_AFTER | BEFORE_TRAINING - of_phantoms
    counts = json.loads((study.folder / "metrics/ingest.json").read_text())
    assert (counts["source"], counts["synthetic"]) == ("minsk2020", False)
    assert (counts["subjects"], counts["recordings"]) == (13, 26)
    for protocol in PROTOCOLS:
        assert set(pd.read_csv(study.folder / f"data/sweep/{protocol}/fits.csv")["epochs"]) == {2}
    assert "minsk2020 cohort" in (study.folder / "data/evaluate/tables.md").read_text()
    assert "No external cohort" in (study.folder / "metrics/external.md").read_text()


@pytest.mark.slow
def test_a_minsk_shaped_release_beside_the_phantom_retrains_the_comparison_and_nothing_of_the_study(study, tmp_path):
    root = write_minsk2020(tmp_path / "release", patients=range(1, 8), controls=range(1, 7))
    shown = study.dvc("exp", "run", *sets(external__cohort__source="minsk2020", external__cohort__root=root))
    assert stages_run(shown) == {*OF_THE_OTHER_COHORT, "external", "report"}
    page = (study.folder / "metrics/external.md").read_text()
    assert "| external (minsk2020) | 7 / 6 | 13 | 44100, 48000 | 100 |" in page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prefix", "target", "inside"), [("gender/params.yaml:", ["gender/dvc.yaml"], "."), ("", [], "gender")]
)
def test_another_cohort_of_gender_is_one_command_away_from_the_root_and_from_inside(
    gender, tmp_path, prefix, target, inside
):
    root = write_minsk2020(tmp_path / "release", patients=range(1, 16), controls=range(1, 16))
    changes = {f"{prefix}cohort.source": "minsk2020", f"{prefix}cohort.root": root}
    shown = gender.dvc("exp", "run", *sets(**changes), *target, inside=inside)
    assert bare(stages_run(shown)) == GENDER_AFTER_PHANTOM
    counts = json.loads((gender.folder / "gender/metrics/ingest.json").read_text())
    assert (counts["source"], counts["synthetic"], counts["recordings"]) == ("minsk2020", False, 60)


@pytest.mark.slow
def test_of_a_large_release_dvc_reads_the_table_alone(gender, tmp_path):
    """As docs/gender.md has it. A clip that was not drawn may change; a row may not."""
    rows = common_voice_rows(24, 4)
    root = write_common_voice(tmp_path / "release", rows)
    changes = {"cohort.root": root, "cohort.watched": "/validated.tsv", "subset.per_gender.male": 20}
    gender.dvc("exp", "run", *sets(**changes), inside="gender")
    counts = json.loads((gender.folder / "gender/metrics/ingest.json").read_text())
    assert (counts["synthetic"], counts["male_recordings"], counts["female_recordings"]) == (False, 20, 24)
    drawn = set(pd.read_csv(gender.folder / "gender/data/cohort/recordings.csv")["path"])
    next(path for path in (root / "clips").iterdir() if f"clips/{path.name}" not in drawn).unlink()
    assert stages_run(gender.dvc("repro", inside="gender")) == set()
    write_common_voice(root, [*rows, common_voice_row("speaker0", "z.mp3")])
    assert "ingest" in bare(stages_run(gender.dvc("repro", "-s", "ingest", inside="gender")))


@pytest.mark.slow
def test_age_bands_run_the_same_pipeline_and_its_tables_are_of_ages(gender):
    shown = gender.dvc("exp", "run", "-S", "split.target=age_band", inside="gender")
    assert bare(stages_run(shown)) == {"split", "features", *GENDER_TRAINING, *GENDER_AFTER_TRAINING}
    classes = json.loads((gender.folder / "gender/data/split/classes.json").read_text())
    assert classes == {"target": "age_band", "classes": ["under 40", "40 and over"]}
    plots = gender.folder / "gender/plots/evaluate"
    table = pd.read_csv(plots / "table_1.csv")
    assert "positive_accuracy" in table and not [name for name in table if "male" in name or "paper" in name]
    assert set(pd.read_csv(plots / "confusion_subject_wise.csv")["actual"]) == set(classes["classes"])
    assert not (plots / "printed_scores.csv").exists()
    page = (gender.folder / "gender/data/evaluate/tables.md").read_text()
    assert "accuracy of 40 and over" in page and "male" not in page and "paper" not in page
