"""deploy, model_card, `bulbar predict` and `bulbar export`, on networks really trained on a small made-up release."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image
from scipy.signal import sawtooth

import bulbar.training.trainer  # noqa: F401 - it sets TensorFlow's threads, which has to come before any operation
from bulbar.commands import cli, person
from bulbar.commands.model_folder import read_settings
from bulbar.core.errors import BadInput
from bulbar.deployment import inputs
from bulbar.deployment.fold_models import fold_models
from bulbar.deployment.prediction import Prediction
from bulbar.scoring import metrics
from stages import deploy, mel_spectrogram, model_card, preprocess_audio
from tests.fuzz.damage import archived
from tests.projects import ROOT, contents
from tests.stages import small_study

MODELS = Path("models/deployed")


@pytest.fixture(scope="module")
def project(deployed_study):
    """The models of the small study, deployed."""
    return deployed_study


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


def predicted(arguments: list[str], model: str = "audio") -> Prediction:
    """What `bulbar predict --with MODEL` predicts."""
    parsed = cli.parser().parse_args(["predict", *arguments, "--with", model])
    return parsed.run(parsed)


def test_every_training_recording_gives_its_stored_image_bit_for_bit(deployed):
    stored = np.load("data/features/images.npy")
    index = pd.read_csv("data/features/index.csv")["recording_id"].tolist()
    for row in recordings().itertuples():
        found = inputs.recordings([row.file], None, deployed.audio)
        (image,), _ = person.images_and_conditions(found, deployed)
        np.testing.assert_array_equal(image[0], stored[index.index(row.recording_id)])


@pytest.mark.parametrize(
    ("name", "rate", "how", "masked", "bandwidth_hz"),
    [
        ("x.wav", 44100, {"subtype": "PCM_24"}, False, None),
        ("x.wav", 48000, {"subtype": "FLOAT"}, True, None),
        ("x.flac", 16000, {}, True, None),
        ("x.mp3", 44100, {}, False, 3600.0),
        ("x.ogg", 48000, {}, True, 3600.0),
        ("x.wav", 8000, {"subtype": "ULAW"}, True, 3600.0),
        ("x.wav", 8000, {"subtype": "ULAW"}, False, None),
    ],
)
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
def test_the_fold_model_not_trained_on_a_person_gives_the_stored_prediction(deployed, model):
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


def test_what_is_deployed_holds_no_row_of_a_subject(deployed):
    text = (MODELS / "settings.json").read_text() + (MODELS / "voice.json").read_text()
    subjects = pd.read_csv("data/cohort/subjects.csv")["subject_id"]
    assert not [name for name in subjects if name in text]
    assert sorted(path for path in contents(MODELS) if not path.endswith(".keras")) == ["settings.json", "voice.json"]


def test_the_metrics_hold_no_threshold(deployed):
    text = Path("metrics/deployed.json").read_text()
    points = [point for model in deployed.models.values() for point in model.operating_points[1:]]
    assert points and not [point for point in points if point.threshold and f"{point.threshold:.4f}" in text]


def test_where_hc_is_the_positive_class_probabilities_are_of_als_all_the_same(project, tmp_path):
    other = tmp_path / "turned"
    shutil.copytree(project, other, ignore=shutil.ignore_patterns("fit_cache", "release"))
    tables = [path for name in ("fusion/subject_wise/selected", "voice/subject_wise", "folds")
              for path in other.glob(f"data/{name}/*.csv")]  # fmt: skip
    for path in tables:
        table = pd.read_csv(path, dtype={"subject_id": str})
        turned = {name: 1 - table[name] for name in ("label", "probability") if name in table}
        table.assign(**turned).to_csv(path, index=False)
    small_study.set_params(other, project / "release", positive_class="HC")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(other)
        deploy.main()
    turned, straight = read_settings(other / MODELS), read_settings(project / MODELS)
    for name in ("audio", "voice"):
        assert turned.models[name].calibrator == straight.models[name].calibrator
    assert turned.voice.controls == straight.voice.controls
    images = np.load("data/features/images.npy")[:3]
    networks = [next(iter(fold_models(MODELS, settings, "audio", {}))) for settings in (turned, straight)]
    np.testing.assert_allclose(networks[0](images), 1 - networks[1](images), atol=1e-7)


def test_a_prediction_of_a_person_as_text(project, capsys):
    prediction = predicted([*of_subject("PZ001"), "--prevalence", "0.05", "--out", "out"])
    printed = capsys.readouterr().out
    assert printed.startswith("! Research tool: this output is not a diagnosis")
    assert "synthetic cohort: the numbers say nothing about a real person" in printed
    assert f"Probability of ALS    {100 * prediction.person.value:.1f} %   (2 fold models:" in printed
    assert "PPV at 5 %" in printed and "NPV at 5 %" in printed
    assert prediction.model == "audio" and [one.task for one in prediction.recordings] == ["A", "PA"]
    for one in prediction.recordings:
        with Image.open(one.picture) as picture:
            assert picture.width > 1000 and len(picture.convert("RGB").getcolors(10**6)) > 100


def test_the_out_of_fold_score_of_a_person_can_be_had_from_the_command_line(project, capsys):
    subject, rows = next(iter(out_of_fold("audio").groupby("subject_id")))
    assert cli.main(["predict", *of_subject(subject), "--with", "audio", "--json", "--out", "out"]) == 0
    found = json.loads(capsys.readouterr().out)
    fold = int(rows["fold"].iloc[0])
    assert [one["probability"]["scores"][fold - 1] for one in found["recordings"]] == rows["probability"].tolist()
    per_subject = metrics.per_subject(out_of_fold("audio")).set_index("subject_id")["probability"]
    assert found["person"]["probability"]["scores"][fold - 1] == pytest.approx(per_subject[subject], abs=1e-6)
    assert "not a diagnosis" in found["warnings"][0]


def test_with_clinical_data_the_fused_model_predicts_and_names_what_it_filled_in_and_no_input_but_the_person_s(
    project, tmp_path, capsys
):
    (tmp_path / "person.json").write_text(json.dumps({"age_years": 101}))
    arguments = [*of_subject("PZ001"), "--clinical", str(tmp_path / "person.json"), "--out", "out"]
    prediction = predicted(arguments, "fused_common")
    assert prediction.model == "fused_common"
    assert {filled.split(":")[0] for filled in prediction.filled_in} == {"cantagallo_questionnaire", "sex"}
    assert [line for line in prediction.outside_range if line.startswith("age: 101 years")]
    with Image.open(prediction.recordings[0].picture) as picture:
        assert "task A, model fused_common: score" in picture.info["Title"]
    printed = capsys.readouterr().out
    assert "fused_common: the voice and age_years; mean over 2" in printed and printed.count("Filled in") == 2


def test_a_recording_made_otherwise_is_predicted_with_what_lies_outside_the_training_range(project, tmp_path, capsys):
    draws = np.random.default_rng(0)
    time_s = np.arange(44100 * 30) / 44100
    voice = sawtooth(2 * np.pi * 120 * time_s) * (np.sin(time_s) > -0.8)
    soundfile.write(tmp_path / "visit.flac", 0.05 * voice + 0.01 * draws.normal(size=len(voice)), 44100)
    prediction = predicted([str(tmp_path / "visit.flac"), "--task", "I", "--out", str(tmp_path)])
    outside = " ".join(prediction.recordings[0].outside_range)
    assert "task I" in outside and "band limit: 22" in outside and "length: 30 s" in outside
    assert "no recording of A and PA" in prediction.outside_range[0]
    assert "visit.flac: band limit" in capsys.readouterr().out


def made_up(path: Path, samples: np.ndarray, rate: int = 8000, **how) -> str:
    soundfile.write(path, samples, rate, **how)
    return str(path)


def humming(seconds: float = 1.0, rate: int = 8000) -> np.ndarray:
    time_s = np.arange(int(rate * seconds)) / rate
    return sum(np.sin(2 * np.pi * 120 * k * time_s) / k for k in range(1, 30)) / 5


NAME = "录音 ü with blanks and a$b$_{c}$\\frac$_A.wav"


def test_any_name_that_can_be_shown_will_do(project, tmp_path, capsys):
    predicted([made_up(tmp_path / NAME, humming()), "--out", str(tmp_path)])
    assert NAME in capsys.readouterr().out
    assert (tmp_path / NAME).with_suffix(".png").is_file()


def test_json_is_read_back_whatever_the_terminal_writes_holds_no_nan_and_nothing_else_is_printed(project, tmp_path):
    file = made_up(tmp_path / NAME, humming())
    command = [sys.executable, "-m", "bulbar.commands", "predict", file, "--with", "audio", "--json"]
    command += ["--prevalence", "0.01", "--out", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (run.returncode, run.stderr) == (0, "")
    found = json.loads(run.stdout, parse_constant=lambda constant: pytest.fail(constant))
    assert found["recordings"][0]["file"] == file
    assert "One fold model" in found["thresholds_reached"]
    assert {"ppv", "npv"} <= set(found["thresholds"][0])


@pytest.mark.parametrize(
    ("samples", "how", "problem"),
    [
        (humming() * 32768, {"subtype": "FLOAT"}, "clipped: 99 %"),
        (humming() * 1e37, {"subtype": "FLOAT"}, "clipped: 100 %"),
        (np.append(humming(), 5.0), {"subtype": "FLOAT"}, "samples up to 2 times full scale"),
        (np.append(humming(), 50.0), {"subtype": "FLOAT"}, "samples up to 2 times full scale"),
        (np.full(8000, 0.125), {}, "only values from 0.125 to 0.125"),
        (np.stack([humming(), -humming()], axis=1), {"subtype": "FLOAT"}, "only zeros, in the mean of its 2 channels"),
        (humming() * 1e-6, {"subtype": "FLOAT"}, "only values from"),
    ],
)
def test_samples_without_a_voice_or_a_scale_are_refused_and_nothing_is_written(tmp_path, samples, how, problem):
    out = tmp_path / "out"
    with pytest.raises(BadInput, match=problem):
        predicted([made_up(tmp_path / "x_A.wav", samples, **how), "--out", str(out)])
    assert not out.exists()


def test_a_low_pass_of_the_training_data_is_taken_to_a_new_recording_bit_for_bit(project, tmp_path, monkeypatch):
    other = tmp_path / "low_passed"
    shutil.copytree(project, other, ignore=shutil.ignore_patterns("features", "audio", "fit_cache", "release"))
    shutil.copytree(project / "models/subject_wise/audio", other / "models/subject_wise/audio", dirs_exist_ok=True)
    small_study.set_params(other, project / "release", audio={"bandwidth_hz": 2000.0})
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


def test_where_nothing_can_be_written_all_problems_are_reported_before_any_model_predicts(project, tmp_path):
    (tmp_path / "file").touch()
    arguments = ["nowhere_A.wav", "--clinical", str(tmp_path / "nobody.json"), "--out", str(tmp_path / "file/out")]
    with pytest.raises(BadInput) as caught:
        predicted(arguments)
    places = [problem.where for problem in caught.value.problems]
    assert places == [f"{tmp_path}/file/out", "nowhere_A.wav", str(tmp_path / "nobody.json")]


NETWORK = "audio/fold_2.keras"
BROKEN = {
    "no models": shutil.rmtree,
    "a network gone": lambda folder: (folder / NETWORK).unlink(),
    "a network cut off": lambda folder: os.truncate(folder / NETWORK, (folder / NETWORK).stat().st_size // 2),
    "another's network": lambda folder: (folder / NETWORK).write_bytes(archived({"config.json": b"{}"})),
    "other settings": lambda folder: (folder / "settings.json").write_text(
        '{"surprise": 1,' + (folder / "settings.json").read_text().removeprefix("{")
    ),
    "no settings": lambda folder: (folder / "settings.json").write_bytes(b"\xff\xfe"),
}
"""tests/deployment/test_network_file.py has the worst networks of others."""


@pytest.mark.parametrize("broken", BROKEN)
def test_models_that_are_not_whole_are_named(project, tmp_path, broken):
    folder = tmp_path / "models"
    shutil.copytree(MODELS, folder)
    BROKEN[broken](folder)
    with pytest.raises(BadInput) as caught:
        read_settings(folder)
    assert str(folder) in caught.value.problems[0].where and "dvc" in caught.value.problems[0].remedy


def test_bad_input_ends_with_1_and_no_traceback(project, tmp_path, capsys):
    (tmp_path / "text_A.wav").write_text("no audio")
    assert cli.main(["predict", str(tmp_path / "text_A.wav"), str(tmp_path / "nowhere.wav")]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.endswith("2 problem(s): nothing was predicted.\n")
    for word in ("expected:", "found:", "to do:", "no such file"):
        assert word in printed.err


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
def test_other_images_are_made_predicted_and_drawn_in_the_same_way(tmp_path, spectrogram):
    root = small_study.train(
        tmp_path,
        swept=["subject_wise"],
        fused=["subject_wise"],
        spectrogram=small_study.SMALL["spectrogram"] | spectrogram,
    )
    small_study.deploy_models(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        table = out_of_fold("audio")
        subject, rows = next(iter(table.groupby("subject_id")))
        prediction = predicted([*of_subject(subject), "--out", "out"])
    fold = int(rows["fold"].iloc[0])
    assert np.round([one.probability.scores[fold - 1] for one in prediction.recordings], 6).tolist() == list(
        rows["probability"]
    )


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


def test_export_needs_a_folder_and_takes_no_option_and_no_file_for_it(project, tmp_path, capsys):
    for arguments, code in ([], 2), (["--help"], 0), (["a", "b", "c"], 2):
        with pytest.raises(SystemExit) as ended:
            cli.main(["export", *arguments])
        assert ended.value.code == code
    (tmp_path / "file").touch()
    assert cli.main(["export", str(tmp_path / "file")]) == 1
    assert "a writable folder" in capsys.readouterr().err
    assert not Path("--help").exists()


def card(folder: Path, *, synthetic: bool = True) -> str:
    """The model card of the run whose metrics git holds, with the models of the small study; synthetic or real."""
    shutil.copytree(ROOT / "metrics", folder / "metrics")
    shutil.copytree("metrics/voice", folder / "metrics/voice", dirs_exist_ok=True)
    shutil.copy("metrics/deployed.json", folder / "metrics/deployed.json")
    (folder / "data/cohort").mkdir(parents=True)
    contract = {"clinical": {"all": {}, "common": ["age_years", "sex"]}, "synthetic": synthetic, "source": "voc_als"}
    (folder / "data/cohort/cohort.json").write_text(json.dumps(contract))
    deployed = folder / "metrics/deployed.json"
    deployed.write_text(json.dumps({**json.loads(deployed.read_text()), "synthetic": synthetic}))
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
    voice = json.loads(Path("metrics/voice/subject_wise.json").read_text())
    low, high = voice["models"]["voice"]["per_subject"]["intervals"]["roc_auc"]
    auc = voice["models"]["voice"]["per_subject"]["roc_auc"]
    assert f"| voice | subject | 14 | {auc:.3f} ({low:.3f} to {high:.3f}) |" in page
    assert all(f"| voice_{member} | subject |" in page for member in ("f0_spread", "all", "strongest"))
    assert f"| A only | {voice['auc_by_tasks']['voice']['A only']:.3f} |" in page
    assert page.index("| voice | subject") < page.index("| audio | subject") < page.index("| conditions | subject")
    assert "| age_sex | subject" in page
    assert "None" not in page.replace("None of the", "") and "nan" not in page
