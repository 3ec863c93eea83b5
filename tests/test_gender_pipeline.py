"""The real `dvc repro` and `dvc exp` of gender/, as a user types them, in a copy of the project."""

import json

import numpy as np
import pandas as pd
import pytest

from bulbar.core.names import PROTOCOLS
from tests.pipelines import Pipeline, first_run, stages_run
from tests.releases import common_voice_row, common_voice_rows, write_common_voice, write_minsk2020

TRAINED = tuple(f"{stage}@{protocol}" for stage in ("tune", "networks") for protocol in PROTOCOLS)
PHANTOM = "phantom"
AFTER = ("ingest", "preprocess_audio", "split", "features", "acoustic", *TRAINED, "evaluate")
TINY = {
    "phantom.speakers": 30,
    "phantom.clips": [2, 3],
    "phantom.median_duration_s": 1.5,
    "subset.max_clips_per_speaker": 2,
    "train.max_epochs": 1,
    "network.filters": 4,
    "network.lstm_units": 8,
    "tune.compared": ["grid"],
    "tune.space": {
        "filters": [4],
        "lstm_units": [8],
        "n_layers": [1],
        "learning_rate": [0.001, 0.004],
        "batch_size": [32],
        "dropout_rate": [0.3],
    },
    "compute.workers": 1,
}


def bare(stages: set[str]) -> set[str]:
    """Stages by their names alone: from the root DVC puts `gender/dvc.yaml:` before them, inside gender/ nothing."""
    return {name.rpartition(":")[2] for name in stages}


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Pipeline:
    """gender/ has run, from the root, and is committed."""
    place = tmp_path_factory.mktemp("gender")
    pipeline, ran = first_run(place, "gender/dvc.yaml", changes=TINY, params="gender/params.yaml")
    assert bare(ran) == {PHANTOM, *AFTER}
    return pipeline


@pytest.fixture
def study(finished, tmp_path) -> Pipeline:
    """A copy of the finished study, to change."""
    return finished.copy(tmp_path / "project")


@pytest.mark.slow
def test_a_second_repro_runs_nothing_from_the_root_or_from_inside(finished):
    assert stages_run(finished.dvc("repro", "gender/dvc.yaml")) == set()
    assert stages_run(finished.dvc("repro", inside="gender")) == set()


@pytest.mark.slow
def test_the_outs_lie_in_gender_and_nothing_in_the_other_pipeline_s_rooms(finished):
    for protocol in PROTOCOLS:
        index = pd.read_csv(finished.folder / f"gender/data/features/{protocol}/index.csv")
        array = np.load(finished.folder / f"gender/data/features/{protocol}/features.npy", mmap_mode="r")
        assert len(array) == len(index) > 40
        assert set(index["part"]) == {"train", "validation", "test"}
    assert not (finished.folder / "data/cohort").exists()
    assert not list((finished.folder / "metrics").glob("*.json"))


@pytest.mark.slow
def test_a_setting_touches_the_stages_that_declare_its_block(finished):
    for changes, stale in [
        ({"features.mel_bands": 32}, {"features"}),
        ({"augment.copies": 2}, {"features", *TRAINED}),
        ({"split.test_share": 0.2}, {"split", *TRAINED}),
        ({"subset.max_clips_per_speaker": 1}, {"ingest"}),
        ({"audio.top_db": 40.0}, {"ingest", "preprocess_audio", "features"}),
        ({"compute.workers": 2}, set()),
        ({"phantom.max_epochs": 2}, {PHANTOM, *TRAINED}),
        ({"network.filters": 8}, set(TRAINED)),
        ({"tune.batch": 2}, {name for name in TRAINED if name.startswith("tune")}),
        ({"tune.storage": "postgresql://someone@host/studies"}, set()),
        ({"bootstrap.draws": 1000}, {"evaluate"}),
    ]:
        assert bare(finished.changed_by(changes, "gender/")) == stale, changes


@pytest.mark.slow
def test_the_als_pipeline_s_params_touch_nothing_here(study):
    study.change({"spectrogram.mel_bands": 33, "train.batch_size": 4, "audio.top_db": 31.0})
    assert study.stale("gender/dvc.yaml") == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prefix", "target", "inside"), [("gender/params.yaml:", ["gender/dvc.yaml"], "."), ("", [], "gender")]
)
def test_another_cohort_is_one_command_away_from_the_root_and_from_inside(study, tmp_path, prefix, target, inside):
    root = write_minsk2020(tmp_path / "release", patients=range(1, 16), controls=range(1, 16))
    sets = [f"{prefix}cohort.source=minsk2020", f"{prefix}cohort.root={root}"]
    shown = study.dvc("exp", "run", *(word for one in sets for word in ("-S", one)), *target, inside=inside)
    assert bare(stages_run(shown)) == set(AFTER)
    counts = json.loads((study.folder / "gender/metrics/ingest.json").read_text())
    assert (counts["source"], counts["synthetic"], counts["recordings"]) == ("minsk2020", False, 60)


@pytest.mark.slow
def test_of_a_large_release_dvc_reads_the_table_alone(study, tmp_path):
    """As docs/gender.md has it. A clip that was not drawn may change; a row may not."""
    rows = common_voice_rows(24, 4)
    root = write_common_voice(tmp_path / "release", rows)
    sets = (f"cohort.root={root}", "cohort.watched=/validated.tsv", "subset.per_gender.male=20")
    study.dvc("exp", "run", *(word for one in sets for word in ("-S", one)), inside="gender")
    counts = json.loads((study.folder / "gender/metrics/ingest.json").read_text())
    assert (counts["synthetic"], counts["male_recordings"], counts["female_recordings"]) == (False, 20, 24)
    drawn = set(pd.read_csv(study.folder / "gender/data/cohort/recordings.csv")["path"])
    (next(path for path in (root / "clips").iterdir() if f"clips/{path.name}" not in drawn)).unlink()
    assert stages_run(study.dvc("repro", inside="gender")) == set()
    write_common_voice(root, [*rows, common_voice_row("speaker0", "z.mp3")])
    assert "ingest" in bare(stages_run(study.dvc("repro", "-s", "ingest", inside="gender")))


@pytest.mark.slow
def test_age_bands_run_the_same_pipeline_and_its_tables_speak_of_ages(study):
    shown = study.dvc("exp", "run", "-S", "split.target=age_band", inside="gender")
    assert bare(stages_run(shown)) == {"split", "features", *TRAINED, "evaluate"}
    classes = json.loads((study.folder / "gender/data/split/classes.json").read_text())
    assert classes == {"target": "age_band", "classes": ["under 40", "40 and over"]}
    plots = study.folder / "gender/plots/evaluate"
    table = pd.read_csv(plots / "table_1.csv")
    assert not [name for name in table if "male" in name or "paper" in name]
    assert "positive_accuracy" in table
    assert set(pd.read_csv(plots / "confusion_subject_wise.csv")["actual"]) == set(classes["classes"])
    assert not (plots / "printed_scores.csv").exists()
    page = (study.folder / "gender/data/evaluate/tables.md").read_text()
    assert "accuracy of 40 and over" in page
    assert "male" not in page and "paper" not in page


@pytest.mark.slow
def test_what_dvc_shows_has_its_columns(finished):
    printed = finished.dvc("plots", "show", "--json", inside="gender")  # and, around it, what the other pipeline lacks
    shown, _ = json.JSONDecoder().raw_decode(printed[printed.index("{") :])
    ours = {f"{name}_{protocol}" for name in ("best_so_far", "replay", "confusion") for protocol in PROTOCOLS}
    assert all(shown["data"][name] for name in ours)
    assert not ours & {error["name"] for error in shown["errors"]}  # the other pipeline has not run, and has none


@pytest.mark.slow
def test_two_clones_write_the_same_lock_file_whatever_the_workers_clock_and_locale(finished, tmp_path):
    elsewhere = {"TZ": "Pacific/Kiritimati", "LANG": "C", "LC_ALL": "C", "PYTHONHASHSEED": "12345"}
    other = Pipeline(tmp_path / "another name" / "clone", tmp_path / "other_fits", finished.folder, **elsewhere)
    other.change(TINY | {"compute.workers": 2}, "gender/params.yaml")
    other.commit("Tiny settings")
    other.dvc("repro", inside="gender")
    assert other.locked("gender/dvc.lock") == finished.locked("gender/dvc.lock")


@pytest.mark.slow
def test_what_git_holds_names_no_speaker_and_no_clip(finished):
    subjects = pd.read_csv(finished.folder / "gender/data/cohort/subjects.csv")["subject_id"]
    texts = [path.read_text() for path in (finished.folder / "gender/metrics").rglob("*.json")]
    assert len(texts) == 8
    for text in texts:
        assert "common_voice_en_" not in text
        assert not [subject for subject in subjects if subject in text]


@pytest.mark.slow
def test_an_impossible_setting_stops_the_run_with_the_key_and_without_a_traceback(study):
    shown = study.dvc("exp", "run", "-S", "features.frame_ms=50", inside="gender", fails=True)
    assert "params.yaml: features.frame_ms" in shown
    assert "Traceback" not in shown
