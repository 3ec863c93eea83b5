"""The stage `external`: each of two cohorts tested by the other's models, with and without a low-pass."""

import json
import shutil
from itertools import product
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn import metrics

from bulbar.appraisal.external import low_passed_image
from bulbar.core.errors import BadInput
from bulbar.features import spectrogram
from stages import external, folds, ingest, mel_spectrogram, preprocess_audio
from tests.projects import contents, write_params
from tests.releases import voc_als_rows, write_minsk2020, write_voc_als

ROLES = ("main", "external")
BANDS = ("as_recorded", "low_passed")
MODELS = ("audio", "voice", "conditions")


def set_params(root: Path, *, real: str = "external", **changes) -> None:
    """A synthetic VOC-ALS and a made-up Minsk2020 that counts as real, in the roles that a test gives them."""
    releases = {
        "synthetic": {"source": "voc_als", "root": str(root / "synthetic")},
        "real": {"source": "minsk2020", "root": str(root / "real")},
    }
    main, other = ("synthetic", "real") if real == "external" else ("real", "synthetic")
    write_params(
        root,
        cohort=releases[main],
        external={"cohort": {**releases[other], "on_bad_recording": "fail"}, **changes},
        phantom={"max_epochs": 1},
        train={"max_epochs": 2},
        spectrogram={"mel_bands": 20, "frames": 20},
        folds={"n_splits": 2},
        bootstrap={"draws": 100},
    )


def prepare(*roles: str) -> None:
    for role in roles:
        for stage in (ingest, preprocess_audio, mel_spectrogram, folds):
            stage.main(role)


@pytest.fixture(scope="module")
def finished(traced_once, tmp_path_factory) -> Path:
    """Both cohorts read in and compared."""
    root = tmp_path_factory.mktemp("project")
    both_sexes = [row | {"Sex": "MF"[place % 2]} for place, row in enumerate(voc_als_rows(6, 8))]
    write_voc_als(root / "synthetic", both_sexes, tasks=("A", "I", "PA"), duration_s=1.2)
    (root / "synthetic/SYNTHETIC.txt").touch()
    write_minsk2020(root / "real", patients=range(1, 8), controls=range(1, 7))
    set_params(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("BULBAR_CACHE", str(root / "fit_cache"))
        prepare(*ROLES)
        external.main()
    return root


@pytest.fixture
def project(finished, tmp_path, monkeypatch) -> Path:
    """A copy of the finished project, to change; cached fits are shared."""
    shutil.copytree(finished, tmp_path / "project", ignore=shutil.ignore_patterns("fit_cache"))
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("BULBAR_CACHE", str(finished / "fit_cache"))
    return tmp_path / "project"


def table(trained: str, band: str, where: str, model: str = "audio") -> pd.DataFrame:
    return pd.read_csv(f"data/external/predictions/from_{trained}/{band}/{model}/{where}.csv")


def test_every_recording_of_the_shared_tasks_is_scored_within_and_outside(project):
    own = {"main": 14 * 2, "external": 13 * 2}
    for trained, other in (ROLES, ROLES[::-1]):
        for band, model in product(BANDS, MODELS):
            within, outside = (table(trained, band, where, model) for where in ("within", "outside"))
            assert len(within) == within["recording_id"].nunique() == own[trained]
            assert len(outside) == outside["recording_id"].nunique() == own[other]
            assert set(outside["recording_id"].str.split("_").str[1]) == {"A", "I"}
            assert within["probability"].between(0, 1).all()
            assert outside["probability"].between(outside["lowest"], outside["highest"]).all()
            assert (outside["lowest"] < outside["highest"]).any()
    assert table("main", "as_recorded", "outside")["probability"].nunique() > 20
    assert table("main", "as_recorded", "outside", "voice")["probability"].nunique() == 13, "a person has one"


def test_the_headline_follows_from_the_predictions(project):
    found = json.loads(Path("metrics/external.json").read_text())
    assert (found["synthetic"], found["compared"], found["tasks"]) == (True, True, "A, I")
    for trained, other in (ROLES, ROLES[::-1]):
        for band, model in product(BANDS, MODELS):
            people = table(trained, band, "outside", model).groupby("subject_id")[["label", "probability"]].mean()
            numbers = found[f"{trained}_to_{other}"][band][model]
            auc = metrics.roc_auc_score(people["label"], people["probability"])
            assert numbers["subject_auc"] == pytest.approx(auc, abs=1e-4)
            assert numbers["subject_auc_low"] <= auc <= numbers["subject_auc_high"]
            called = people["probability"] >= 0.5
            balanced = metrics.balanced_accuracy_score(people["label"], called)
            assert numbers["subject_balanced_accuracy"] == pytest.approx(balanced, abs=1e-4)


def test_page_picture_and_data_speak_of_both_cohorts_and_of_no_subject(project):
    page = Path("metrics/external.md").read_text()
    assert "Synthetic voices (main): these scores say nothing about ALS." in page
    assert "| main (synthetic) | 8 / 6 | 28 | 8000 | 1 |" in page
    assert "| external (minsk2020) | 7 / 6 | 26 | 44100, 48000 | 2 |" in page
    assert Path("plots/external/external.png").read_bytes().startswith(b"\x89PNG")
    scores = pd.read_csv("plots/external/scores.csv")
    assert set(scores["band"]) == set(BANDS)
    assert (
        scores.groupby(["trained_on", "tested_on", "band", "unit"])["model"].unique().map(list).tolist()
        == [list(MODELS)] * 16
    )
    assert all(f"| {model} |" in page for model in MODELS)
    in_git = page + Path("plots/external/scores.csv").read_text() + Path("metrics/external.json").read_text()
    assert not [name for role in ROLES for name in table(role, "as_recorded", "within")["subject_id"] if name in in_git]


def test_nothing_is_learned_from_the_cohort_tested(project):
    """Other labels and another recording there change neither a model nor its prediction for anybody else."""
    before = contents(project / "data/external/predictions")
    set_params(project)  # whose releases are the copy's
    subjects = pd.read_csv("data/external/folds/subject_wise.csv")
    subjects["label"] = 1 - subjects["label"]
    subjects.to_csv("data/external/folds/subject_wise.csv", index=False)
    changed, whose = subjects[["recording_id", "subject_id"]].iloc[0]
    noise = 0.1 * np.random.default_rng(0).standard_normal(22050)
    released = pd.read_csv("data/external/cohort/recordings.csv").set_index("recording_id").loc[changed, "path"]
    for file in (Path(f"data/external/audio/{changed}.wav"), Path("real") / released):
        soundfile.write(file, noise, 22050)
    mel_spectrogram.main("external")
    external.main()
    after = contents(project / "data/external/predictions")
    for band, model in product(BANDS, MODELS):
        place = f"{band}/{model}"
        assert after[f"from_main/{place}/within.csv"] == before[f"from_main/{place}/within.csv"]
        assert after[f"from_external/{place}/within.csv"] != before[f"from_external/{place}/within.csv"]
        (project / "old.csv").write_bytes(before[f"from_main/{place}/outside.csv"])
        old, new = pd.read_csv(project / "old.csv"), table("main", band, "outside", model)
        assert (old["label"] == 1 - new["label"]).all()
        others = (old["recording_id"] != changed if model == "audio" else old["subject_id"] != whose).to_numpy()
        columns = ["recording_id", "probability", "lowest", "highest"]
        pd.testing.assert_frame_equal(old.loc[others, columns], new.loc[others, columns], check_exact=True)
        assert (old.loc[~others, "probability"] != new.loc[~others, "probability"]).all()


@pytest.mark.slow
def test_a_second_run_trains_nothing_and_writes_the_same(project, capsys):
    before = [contents(project / folder) for folder in ("data/external/predictions", "metrics", "plots")]
    external.main()
    assert capsys.readouterr().out.count("0 fits to do, 4 already cached") == 2
    assert [contents(project / folder) for folder in ("data/external/predictions", "metrics", "plots")] == before


def test_above_the_low_pass_an_image_is_the_same_however_quiet_its_recording(project):
    mel = spectrogram.Settings()
    corners_hz = 700 * (10 ** (np.linspace(0, spectrogram.hz_to_mel(mel.max_hz), mel.mel_bands + 2) / 2595) - 1)
    above = corners_hz[:-2] > 1.1 * 3600
    recorded, low_passed = [], []
    for place, level in enumerate((0.5, 0.005)):
        samples = np.round(32767 * level * np.sin(2 * np.pi * 203 * np.arange(44100) / 22050)).astype(np.int16)
        soundfile.write(f"{place}.wav", samples, 22050, subtype="PCM_16")
        recorded.append(spectrogram.image_of_file(f"{place}.wav", mel)[0])
        low_passed.append(low_passed_image((Path(f"{place}.wav"), 11025.0), mel, 3600.0)[0])
    assert np.abs(recorded[1] - recorded[0])[above].max() > 0.3, "rounding to 16 bit leaves noise there"
    assert np.abs(low_passed[1] - low_passed[0])[above].max() < 0.05
    for before, after in zip(recorded, low_passed, strict=True):
        np.testing.assert_allclose(after[:20, 8:-8], before[:20, 8:-8], atol=2e-3)


@pytest.mark.parametrize(("source_hz", "highest_hz"), [(11025.0, 1.1 * 3600), (3000.0, 3000.0)])
def test_a_masked_image_holds_nothing_above_the_source_s_limit_or_the_low_pass_s_slope(project, source_hz, highest_hz):
    mel = spectrogram.Settings(mask_dead_bands=True)
    samples = np.round(300 * np.random.default_rng(0).standard_normal(22050)).astype(np.int16)
    soundfile.write("noise.wav", samples, 22050, subtype="PCM_16")
    image = low_passed_image((Path("noise.wav"), source_hz), mel, 3600.0)[0]
    dead = librosa.mel_frequencies(130, fmin=0, fmax=11025, htk=True)[:-2] >= highest_hz
    assert not image[dead].any() and (image[~dead].max(axis=1) > 0).all()


def test_without_a_bandwidth_both_are_compared_as_recorded_only(project, capsys):
    set_params(project, bandwidth_hz=None)
    external.main()
    assert capsys.readouterr().out.count("0 fits to do, 4 already cached") == 1
    assert set(pd.read_csv("plots/external/scores.csv")["band"]) == {"as_recorded"}
    assert not Path("data/external/predictions/from_main/low_passed").exists()


def test_a_bandwidth_that_the_sampling_rate_cannot_hold_is_named(project):
    set_params(project, bandwidth_hz=10500.0)
    with pytest.raises(BadInput, match=r"external\.bandwidth_hz\n.*below 10022"):
        external.main()


def assert_nothing_is_compared(printed: str, why: str) -> None:
    """Nothing was trained, and each file that would hold a score says that there is none."""
    assert "fits to do" not in printed
    assert why in printed
    assert json.loads(Path("metrics/external.json").read_text()) == {"synthetic": False, "compared": False}
    assert why in Path("metrics/external.md").read_text()
    assert pd.read_csv("plots/external/scores.csv").empty
    assert not Path("plots/external/external.png").exists()
    assert [path.name for path in Path("data/external/predictions").iterdir()] == ["none.md"]


@pytest.mark.parametrize("tasks", [[], ["PA", "O"]])
def test_where_no_task_is_asked_for_or_shared_nothing_is_compared(project, capsys, tasks):
    set_params(project, tasks=tasks)
    external.main()
    assert_nothing_is_compared(capsys.readouterr().out, "No task to compare")


def test_real_voices_are_not_compared_with_the_embedded_synthetic_ones(project, capsys):
    set_params(project, real="main")
    shutil.rmtree("data")
    prepare(*ROLES)
    capsys.readouterr()
    external.main()
    assert_nothing_is_compared(capsys.readouterr().out, "No external cohort")


def test_a_second_cohort_that_is_too_small_for_the_folds_is_not_compared(project, capsys):
    params = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(params.replace("n_splits: 2", "n_splits: 8"))  # 7 patients, 6 controls
    folds.main("external")
    external.main()
    assert_nothing_is_compared(capsys.readouterr().out, "too few people of a class")
