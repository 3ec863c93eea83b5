"""deploy, model_card, `bulbar predict` and `bulbar export`, on networks really trained on a small made-up release."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

import bulbar.training.trainer  # noqa: F401 - it sets TensorFlow's threads, which has to come before any operation
from bulbar.commands import cli, person
from bulbar.commands.model_folder import read_settings
from bulbar.core.errors import BadInput
from bulbar.deployment import inputs
from bulbar.deployment.fold_models import fold_models
from bulbar.deployment.prediction import Prediction
from bulbar.scoring import metrics
from stages import (
    conditions,
    deploy,
    folds,
    fusion,
    ingest,
    mel_spectrogram,
    model_card,
    preprocess_audio,
    preprocess_clinical,
    select,
    sweep,
)
from tests.projects import ROOT, contents, write_params
from tests.releases import voc_als_rows, write_voc_als

SMALL = {
    "phantom": {"max_epochs": 2},
    "spectrogram": {"mel_bands": 20, "frames": 20},
    "folds": {"n_splits": 2},
    "sweep": {"architectures": ["S1B"], "dropout_rates": [0.3]},
    "bootstrap": {"draws": 100},
}
MODELS = Path("models/deployed")


def trained(root: Path, **blocks) -> Path:
    """All that comes before `deploy`, on 16 made-up subjects with two recordings each."""
    write_voc_als(root / "release", voc_als_rows(7, 9), tasks=("A", "PA"), duration_s=0.6)
    (root / "release/SYNTHETIC.txt").touch()
    write_params(root, **{"cohort": {"root": str(root / "release")}, **SMALL, **blocks})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("BULBAR_CACHE", str(root / "kept"))
        for stage in (ingest, preprocess_clinical, preprocess_audio, conditions, mel_spectrogram, folds):
            stage.main()
        for stage in (sweep, select, fusion):
            stage.main("subject_wise")
        deploy.main()
    return root


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("deployed"))


@pytest.fixture(autouse=True)
def in_the_project(project, monkeypatch):
    monkeypatch.chdir(project)


@pytest.fixture(scope="module")
def deployed(project):
    return read_settings(project / MODELS)


def out_of_fold(model: str) -> pd.DataFrame:
    return pd.read_csv(f"data/fusion/subject_wise/selected/{model}.csv", dtype={"subject_id": str})


def recordings() -> pd.DataFrame:
    """Every training recording with its file."""
    table = pd.read_csv("data/cohort/recordings.csv", dtype={"subject_id": str})
    return table.assign(file=["release/" + path for path in table["path"]])


def of_subject(subject: str) -> list[str]:
    table = recordings()
    return table.loc[table["subject_id"] == subject, "file"].tolist()


def clinical_of(subject: str) -> dict[str, float | str]:
    row = pd.read_csv("data/cohort/subjects.csv", dtype={"subject_id": str}).set_index("subject_id").loc[subject]
    known = row[["age_years", "sex", "cantagallo_questionnaire"]].dropna()
    return {name: value if name == "sex" else float(value) for name, value in known.items()}


def predicted(arguments: list[str]) -> Prediction:
    """What `bulbar predict` predicts."""
    asked = cli.parser().parse_args(["predict", *arguments])
    return asked.run(asked)


def in_a_new_process(*arguments: str) -> subprocess.CompletedProcess:
    """The command as a user types it."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bulbar.commands", "predict", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


# The same as in training.


def test_every_training_recording_gives_its_stored_image_bit_for_bit(deployed):
    stored = np.load("data/features/images.npy")
    index = pd.read_csv("data/features/index.csv")["recording_id"].tolist()
    for row in recordings().itertuples():
        found = inputs.recordings([row.file], None, deployed.audio)
        (image,), _ = person.images_and_conditions(found, deployed)
        np.testing.assert_array_equal(image[0], stored[index.index(row.recording_id)])


@pytest.mark.parametrize(
    ("name", "rate", "how"),
    [
        ("x.wav", 44100, {"subtype": "PCM_24"}),
        ("x.wav", 48000, {"subtype": "FLOAT"}),
        ("x.flac", 16000, {}),
        ("x.mp3", 44100, {}),
        ("x.ogg", 48000, {}),
        ("x.wav", 8000, {"subtype": "ULAW"}),
    ],
)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("bandwidth_hz", [None, 3600.0])
def test_a_recording_of_any_rate_and_format_gives_the_image_that_the_stages_would_give_it(
    deployed, tmp_path, name, rate, how, bandwidth_hz, masked
):
    stereo = np.stack([humming(1.5, rate), 0.3 * humming(1.5, rate)[::-1]], axis=1)
    file = made_up(tmp_path / name, stereo, rate, **how)
    settings = deployed.model_copy(
        update={
            "audio": deployed.audio.model_copy(update={"bandwidth_hz": bandwidth_hz}),
            "spectrogram": deployed.spectrogram.model_copy(update={"mask_dead_bands": masked}),
        }
    )
    row = {"recording_id": "x", "path": name, "subject_id": "s", "task": "A", "duration_s": "1.5"}
    (tmp_path / "cleaned").mkdir()
    cleaned = preprocess_audio.clean_one(
        row | {"sample_rate_hz": str(rate)}, tmp_path, tmp_path / "cleaned", settings.audio
    )
    _, expected = mel_spectrogram.image_of_row(cleaned, tmp_path / "cleaned", settings.spectrogram)
    assert (expected[0].max(axis=1) == 0).any() == (masked and (rate < 22050 or bandwidth_hz is not None))
    (image,), _ = person.images_and_conditions([inputs.InputRecording(Path(file), file, "A")], settings)
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("model", ["audio", "fused_common"])
def test_the_fold_model_that_did_not_know_a_person_gives_the_stored_prediction(deployed, model):
    table = out_of_fold(model).set_index("recording_id")
    files = recordings().set_index("recording_id")["file"]
    networks = list(fold_models(MODELS, deployed, model, {}))
    for subject, rows in [*table.groupby("subject_id")][:: 1 if model == "audio" else 4]:
        found = inputs.recordings(files[rows.index].tolist(), None, deployed.audio)
        images, _ = person.images_and_conditions(found, deployed)
        if model == "fused_common":
            networks = list(fold_models(MODELS, deployed, model, clinical_of(subject)))
        scores = [networks[fold - 1](image).mean() for fold, image in zip(rows["fold"], images, strict=True)]
        assert np.round(scores, 6).tolist() == rows["probability"].tolist()


def test_the_networks_are_those_of_fusion_none_fitted_again(deployed):
    for model in ("audio", "fused_common"):
        assert contents(MODELS / model) == contents(Path("models/subject_wise") / model)
    assert deployed.folds == [1, 2]


# What is deployed.


def test_what_is_deployed_holds_no_row_of_a_subject(deployed):
    told = (MODELS / "settings.json").read_text()
    subjects = pd.read_csv("data/cohort/subjects.csv")["subject_id"]
    assert not [name for name in subjects if name in told]
    assert sorted(path for path in contents(MODELS) if not path.endswith(".keras")) == ["settings.json"]


def test_the_metrics_hold_no_threshold(deployed):
    told = Path("metrics/deployed.json").read_text()
    points = [point for model in deployed.models.values() for point in model.operating_points[1:]]
    assert points and not [point for point in points if point.threshold and f"{point.threshold:.4f}" in told]


def test_the_same_inputs_give_the_same_bytes(project):
    before = contents(MODELS), Path("metrics/deployed.json").read_bytes()
    deploy.main()
    assert (contents(MODELS), Path("metrics/deployed.json").read_bytes()) == before


def test_where_hc_is_the_positive_class_probabilities_are_of_als_all_the_same(project, tmp_path):
    other = tmp_path / "turned"
    shutil.copytree(project, other)
    for path in other.glob("data/fusion/subject_wise/selected/*.csv"):
        table = pd.read_csv(path)
        if "probability" in table:
            table.assign(label=1 - table["label"], probability=1 - table["probability"]).to_csv(path, index=False)
    write_params(other, **{"cohort": {"root": str(project / "release")}, **SMALL, "positive_class": "HC"})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(other)
        deploy.main()
    turned, straight = read_settings(other / MODELS), read_settings(project / MODELS)
    assert turned.models["audio"].calibrator == straight.models["audio"].calibrator
    images = np.load("data/features/images.npy")[:3]
    networks = [next(iter(fold_models(MODELS, settings, "audio", {}))) for settings in (turned, straight)]
    np.testing.assert_allclose(networks[0](images), 1 - networks[1](images), atol=1e-7)


# Asked about a person.


def test_a_person_is_told_as_text(project, capsys):
    told = predicted([*of_subject("PZ001"), "--prevalence", "0.05", "--out", "asked"])
    printed = capsys.readouterr().out
    assert printed.startswith("! Research tool: this is no diagnosis")
    assert "synthetic cohort: nothing here says anything of a real person" in printed
    assert f"Probability of ALS    {100 * told.person.value:.1f} %   (2 fold models:" in printed
    assert "PPV at 5 %" in printed and "NPV at 5 %" in printed
    assert told.model == "audio" and [one.task for one in told.recordings] == ["A", "PA"]
    for one in told.recordings:
        with Image.open(one.picture) as picture:
            assert picture.width > 1000 and len(picture.convert("RGB").getcolors(10**6)) > 100


def test_the_out_of_fold_score_of_a_person_can_be_had_from_the_command_line(project):
    subject, rows = next(iter(out_of_fold("audio").groupby("subject_id")))
    run = in_a_new_process(*of_subject(subject), "--json", "--out", "asked")
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    fold = int(rows["fold"].iloc[0])
    assert [one["probability"]["scores"][fold - 1] for one in told["recordings"]] == rows["probability"].tolist()
    per_subject = metrics.per_subject(out_of_fold("audio")).set_index("subject_id")["probability"]
    assert told["person"]["probability"]["scores"][fold - 1] == pytest.approx(per_subject[subject], abs=1e-6)
    assert "no diagnosis" in told["warnings"][0]
    assert run.stderr == "", "nothing but the answer on the terminal"


def test_with_clinical_data_the_fused_model_answers_and_says_what_it_filled_in(project, tmp_path, capsys):
    (tmp_path / "person.json").write_text(json.dumps({"age_years": 101, "sex": "F"}))
    told = predicted([*of_subject("PZ001"), "--clinical", str(tmp_path / "person.json"), "--out", "asked"])
    assert told.model == "fused_common"
    assert [filled.split(":")[0] for filled in told.filled_in] == ["cantagallo_questionnaire"]
    assert [said for said in told.outside_range if said.startswith("age: 101 years")]
    assert "Filled in" in capsys.readouterr().out


def test_a_recording_made_otherwise_is_answered_with_what_is_unlike(project, tmp_path, capsys):
    draws = np.random.default_rng(0)
    time_s = np.arange(44100 * 30) / 44100
    voice = sum(np.sin(2 * np.pi * 120 * k * time_s) / k for k in range(1, 150)) * (np.sin(time_s) > -0.8)
    soundfile.write(tmp_path / "visit.flac", 0.05 * voice + 0.01 * draws.normal(size=len(voice)), 44100)
    told = predicted([str(tmp_path / "visit.flac"), "--task", "I", "--out", str(tmp_path)])
    said = " ".join(told.recordings[0].outside_range)
    assert "task I" in said and "band limit: 22" in said and "length: 30 s" in said
    assert "no recording of A and PA" in told.outside_range[0]
    assert "visit.flac: band limit" in capsys.readouterr().out


def made_up(path: Path, samples: np.ndarray, rate: int = 8000, **how) -> str:
    soundfile.write(path, samples, rate, **how)
    return str(path)


def humming(seconds: float = 1.0, rate: int = 8000) -> np.ndarray:
    time_s = np.arange(int(rate * seconds)) / rate
    return sum(np.sin(2 * np.pi * 120 * k * time_s) / k for k in range(1, 30)) / 5


def test_any_name_that_can_be_shown_will_do_and_nothing_else_is_printed(project, tmp_path):
    name = "录音 ü with blanks and a$b$_{c}$\\frac$_A.wav"
    file = made_up(tmp_path / name, humming())
    run = in_a_new_process(file, "--out", str(tmp_path))
    assert (run.returncode, run.stderr) == (0, "") and name in run.stdout
    assert (tmp_path / name).with_suffix(".png").is_file()


def test_json_is_read_back_whatever_the_terminal_writes_and_holds_no_nan(project, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    file = made_up(tmp_path / "é_A.wav", humming())
    run = in_a_new_process(file, "--json", "--prevalence", "0.01", "--out", str(tmp_path))
    told = json.loads(run.stdout, parse_constant=lambda constant: pytest.fail(constant))
    assert told["recordings"][0]["file"] == file
    assert "one network each" in told["thresholds_reached"]
    assert {"ppv", "npv"} <= set(told["thresholds"][0])
    assert in_a_new_process(file, "--out", str(tmp_path)).returncode == 0, "as text, too"


@pytest.mark.parametrize(
    ("samples", "how", "said"),
    [
        (humming() * 32768, {"subtype": "FLOAT"}, "clipped: 99 %"),
        (humming() * 1e37, {"subtype": "FLOAT"}, "clipped: 100 %"),
        (np.append(humming(), 5.0), {"subtype": "FLOAT"}, "2 times it at most"),
        (np.append(humming(), 50.0), {"subtype": "FLOAT"}, "2 times it at most"),
        (np.full(8000, 0.125), {}, "only the value 0.125"),
        (np.stack([humming(), -humming()], axis=1), {"subtype": "FLOAT"}, "only zeros, in the mean of its 2 channels"),
        (humming() * 1e-6, {"subtype": "FLOAT"}, "only the value"),
    ],
)
def test_samples_without_a_voice_or_a_scale_are_refused_and_nothing_is_written(tmp_path, samples, how, said):
    out = tmp_path / "asked"
    with pytest.raises(BadInput, match=said):
        predicted([made_up(tmp_path / "x_A.wav", samples, **how), "--out", str(out)])
    assert not out.exists()


def test_a_low_pass_of_the_training_data_is_taken_to_a_new_recording_bit_for_bit(project, tmp_path, monkeypatch):
    other = tmp_path / "low_passed"
    shutil.copytree(project, other, ignore=shutil.ignore_patterns("features", "audio", "kept"))
    shutil.copytree(project / "models/subject_wise/audio", other / "models/subject_wise/audio", dirs_exist_ok=True)
    write_params(other, **{"cohort": {"root": str(project / "release")}, **SMALL, "audio": {"bandwidth_hz": 2000.0}})
    monkeypatch.chdir(other)
    for stage in (preprocess_audio, mel_spectrogram, deploy):
        stage.main()
    settings = read_settings(MODELS)
    assert settings.audio.bandwidth_hz == 2000
    assert settings.training.conditions["bandwidth_hz"] == (1800, 2200), "as far as is heard"
    stored = np.load("data/features/images.npy")
    row = recordings().iloc[3]
    position = pd.read_csv("data/features/index.csv")["recording_id"].tolist().index(row["recording_id"])
    (image,), (how,) = person.images_and_conditions(
        [inputs.InputRecording(project / row["file"], row["file"], "A")], settings
    )
    np.testing.assert_array_equal(image[0], stored[position])
    assert not np.array_equal(image[0], np.load(project / "data/features/images.npy")[position])
    assert how.bandwidth_hz > 3500 and not [s for s in settings.training.of_recording("A", how) if "band" in s]


def test_where_nothing_can_be_written_it_is_said_with_all_else_before_any_model_is_asked(project, tmp_path):
    (tmp_path / "file").touch()
    asked = ["nowhere_A.wav", "--clinical", str(tmp_path / "nobody.json"), "--out", str(tmp_path / "file/asked")]
    with pytest.raises(BadInput) as caught:
        predicted(asked)
    told = [problem.where for problem in caught.value.problems]
    assert told == [f"{tmp_path}/file/asked", "nowhere_A.wav", str(tmp_path / "nobody.json")]


def test_only_what_was_given_is_said_to_have_been_seen(project, tmp_path, capsys):
    (tmp_path / "person.json").write_text(json.dumps({"sex": "F"}))
    told = predicted([*of_subject("PZ001"), "--clinical", str(tmp_path / "person.json"), "--out", "asked"])
    with Image.open(told.recordings[0].picture) as picture:
        assert "task A, model fused_common: score" in picture.info["Title"]
    printed = capsys.readouterr().out
    assert "fused_common: the voice and sex; mean over 2" in printed and printed.count("Filled in") == 2


@pytest.mark.parametrize(
    "broken", ["no models", "a network gone", "a network cut off", "another's network", "other settings", "no settings"]
)
def test_models_that_are_not_whole_are_named(project, tmp_path, broken):
    folder = tmp_path / "models"
    if broken != "no models":
        shutil.copytree(MODELS, folder)
    if broken == "a network gone":
        (folder / "audio/fold_2.keras").unlink()
    if broken == "a network cut off":
        whole = (folder / "audio/fold_2.keras").read_bytes()
        (folder / "audio/fold_2.keras").write_bytes(whole[: len(whole) // 2])
    if broken == "another's network":  # tests/deployment/test_network_file.py has the worst of them
        with zipfile.ZipFile(folder / "audio/fold_2.keras", "w") as archive:
            archive.writestr("config.json", "{}")
    if broken == "no settings":
        (folder / "settings.json").write_bytes(b"\xff\xfe")
    if broken == "other settings":
        told = json.loads((folder / "settings.json").read_text())
        (folder / "settings.json").write_text(json.dumps({**told, "surprise": 1}))
    with pytest.raises(BadInput) as caught:
        read_settings(folder)
    assert str(folder) in caught.value.problems[0].where and "dvc" in caught.value.problems[0].remedy


def test_bad_input_ends_with_1_and_no_traceback(project, tmp_path):
    (tmp_path / "text_A.wav").write_text("no audio")
    run = in_a_new_process(str(tmp_path / "text_A.wav"), str(tmp_path / "nowhere.wav"))
    assert run.returncode == 1 and run.stdout == ""
    assert "Traceback" not in run.stderr and run.stderr.endswith("2 problem(s): nothing was predicted.\n")
    for word in ("expected:", "found:", "to do:", "no such file"):
        assert word in run.stderr


@pytest.mark.parametrize("share", ["5", "0", "1", "nan", "abc"])
def test_a_prevalence_that_is_no_share_is_refused(capsys, share):
    with pytest.raises(SystemExit) as ended:
        cli.main(["predict", "a_A.wav", "--prevalence", share])
    assert ended.value.code == 2
    assert f"between 0 and 1 expected, such as 0.05; got {share}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "spectrogram",
    [{"time_axis": "segments"}, {"time_axis": "pad"}, {"representation": "mfcc"}, {"mask_dead_bands": True}],
)
@pytest.mark.slow
def test_other_images_are_made_asked_and_drawn_alike(tmp_path, spectrogram):
    root = trained(tmp_path / "other", spectrogram={**SMALL["spectrogram"], **spectrogram})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        table = out_of_fold("audio")
        subject, rows = next(iter(table.groupby("subject_id")))
        told = predicted([*of_subject(subject), "--out", "asked"])
    fold = int(rows["fold"].iloc[0])
    assert np.round([one.probability.scores[fold - 1] for one in told.recordings], 6).tolist() == list(
        rows["probability"]
    )


# Handed on.


def test_litert_gives_the_same_probabilities(project, deployed, tmp_path):
    import tensorflow as tf

    assert cli.main(["export", str(tmp_path / "exported")]) == 0
    images = np.load("data/features/images.npy")
    for model, known in (("audio", {}), ("fused_common", {"age_years": 55.0, "sex": "F"})):
        for fold, network in zip(deployed.folds, fold_models(MODELS, deployed, model, known), strict=True):
            with pytest.warns(UserWarning, match="LiteRT interpreter"):
                light = tf.lite.Interpreter(str(tmp_path / f"exported/{model}/fold_{fold}.tflite"))
            ask = light.get_signature_runner()
            inputs = {"image": images}
            if known:
                clinical = deployed.models[model].encoders[fold](known)
                inputs["clinical"] = np.tile(clinical, (len(images), 1))
            (found,) = ask(**inputs).values()
            np.testing.assert_allclose(found[:, -1], network(images), atol=1e-4)
            assert np.ptp(found[:, -1]) > 1e-3, "the recordings do differ"
    assert (tmp_path / "exported/settings.json").read_bytes() == (MODELS / "settings.json").read_bytes()


def test_export_asks_where_to_and_takes_no_option_and_no_file_for_a_folder(project, tmp_path, capsys):
    for arguments, code in ([], 2), (["--help"], 0), (["a", "b", "c"], 2):
        with pytest.raises(SystemExit) as ended:
            cli.main(["export", *arguments])
        assert ended.value.code == code
    (tmp_path / "file").touch()
    assert cli.main(["export", str(tmp_path / "file")]) == 1
    assert "a folder to write into" in capsys.readouterr().err
    assert not Path("--help").exists()


def card(folder: Path, *, synthetic: bool = True) -> str:
    """The model card of the run whose metrics git holds, or of such a run on a real cohort."""
    shutil.copytree(ROOT / "metrics", folder / "metrics")
    (folder / "data/cohort").mkdir(parents=True)
    contract = {"clinical": {"all": {}, "common": ["age_years", "sex"]}, "synthetic": synthetic, "source": "voc_als"}
    (folder / "data/cohort/cohort.json").write_text(json.dumps(contract))
    told = folder / "metrics/deployed.json"
    told.write_text(json.dumps({**json.loads(told.read_text()), "synthetic": synthetic}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        model_card.main()
    return (folder / "report/model_card.md").read_text()


def test_the_model_card_of_a_real_cohort_does_not_call_it_synthetic_and_is_no_less_a_research_tool_s(tmp_path):
    page = card(tmp_path, synthetic=False)
    assert "# Model card: ALS from the voice, voc_als cohort" in page
    assert "synthetic" not in page and "synthesiser" not in page
    assert "**A research tool, no diagnosis.**" in page and "**Diagnosis, screening, triage" in page


def test_the_model_card_quotes_the_run(tmp_path, monkeypatch):
    page = card(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert page.count("\n## ") == 9 and "synthetic voices" in page and "no diagnosis" in page
    found = json.loads(Path("metrics/fusion/subject_wise.json").read_text())["selected"]["audio"]["per_subject"]
    low, high = found["intervals"]["roc_auc"]
    assert f"{found['roc_auc']:.3f} ({low:.3f} to {high:.3f})" in page
    audit = json.loads(Path("metrics/audit.json").read_text())["findings"]
    assert audit["label_shuffle"]["subject_wise"]["sentence"] in page
    appraised = json.loads(Path("metrics/appraise/subject_wise.json").read_text())
    assert appraised["earns_its_place"] in page and "| audio | sex | F |" in page
    assert "None" not in page.replace("None of the", "") and "nan" not in page
