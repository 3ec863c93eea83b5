"""`bulbar predict` by the voice model: what it answers, from which recordings, and what it says about them."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from bulbar.commands import cli
from bulbar.commands.model_folder import read_settings, read_voice
from bulbar.commands.person_by_voice import measures_and_conditions
from bulbar.core.errors import BadInput
from bulbar.deployment import inputs, voice_models
from bulbar.deployment.prediction import Prediction
from bulbar.deployment.voice_models import TaskScore, VoiceScores
from bulbar.features.voice_measures import MEASURES
from bulbar.phantom import voice
from bulbar.voice import model, people
from bulbar.voice.model import StoredFold
from bulbar.voice.regression import StoredRegression
from stages import conditions
from tests.projects import ROOT
from tests.stages import small_study

MODELS = Path("models/deployed")


@pytest.fixture(scope="module")
def project(deployed_study, tmp_path_factory):
    """The small study with synthesised voices of people of all ages in place of tones, measured and deployed again."""
    root = tmp_path_factory.mktemp("voices")
    shutil.copytree(deployed_study, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("fit_cache", "predictions"))
    small_study.set_params(root, root / "release")
    subjects = pd.read_csv(root / "data/cohort/subjects.csv", dtype={"subject_id": str})
    ages, sexes = [45 + 7 * n % 36 for n in range(len(subjects))], ["FM"[n % 2] for n in range(len(subjects))]
    subjects.assign(age_years=ages, sex=sexes).to_csv(root / "data/cohort/subjects.csv", index=False)
    for number, (subject, label) in enumerate(zip(subjects["subject_id"], subjects["label"], strict=True)):
        draw, shaky = np.random.default_rng(number), 0.02 * (label == "ALS")
        larynx = voice.Phonation(100 + 6 * number, wander=0.01 + shaky, jitter=0.004 + shaky / 5)
        formants = np.array(voice.FORMANTS_HZ["FM"[number % 2]]["A"]) * draw.uniform(0.95, 1.05)
        uttered = {
            "phonationA": voice.vowel(larynx, "A", formants, 2.0, draw),
            "rhythmPA": voice.syllables(larynx, voice.Train("PA", rate_hz=draw.uniform(4, 6)), formants, 2.5, draw),
        }
        for folder, utterance in uttered.items():
            noise = 0.001 * draw.normal(size=len(utterance.samples))
            soundfile.write(root / f"release/{folder}/{subject}_{folder}.wav", 0.4 * utterance.samples + noise, 8000)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        conditions.main()
    return small_study.deploy_models(root)


@pytest.fixture(autouse=True)
def in_the_project(project, monkeypatch):
    monkeypatch.chdir(project)


@pytest.fixture(scope="module")
def deployed(project):
    return read_settings(project / MODELS)


@pytest.fixture(scope="module")
def folds(project):
    return read_voice(project / MODELS)


def recordings_of(subject: str) -> list[str]:
    table = pd.read_csv("data/cohort/recordings.csv", dtype={"subject_id": str})
    return ["release/" + path for path in table.loc[table["subject_id"] == subject, "path"]]


def clinical_file(folder: Path, **values: object) -> str:
    file = folder / "person.json"
    file.write_text(json.dumps(values))
    return str(file)


def age_and_sex(subject: str) -> dict[str, object]:
    row = pd.read_csv("data/cohort/subjects.csv", dtype={"subject_id": str}).set_index("subject_id").loc[subject]
    return {"age_years": float(row["age_years"]), "sex": row["sex"]}


def out_of_fold(name: str) -> pd.DataFrame:
    return pd.read_csv(f"data/voice/subject_wise/{name}.csv", dtype={"subject_id": str})


def predicted(*arguments: str) -> Prediction:
    """What `bulbar predict` predicts without --with."""
    parsed = cli.parser().parse_args(["predict", *arguments])
    return parsed.run(parsed)


def in_a_new_process(code: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    return run.stdout


def test_a_training_recording_gives_the_row_that_it_gave_in_training(deployed):
    stored = pd.read_csv("data/acoustic/features.csv", dtype={"subject_id": str})
    made = pd.read_csv("data/conditions/recordings.csv", dtype={"subject_id": str})
    subjects = pd.read_csv("data/cohort/subjects.csv", dtype={"subject_id": str})
    rows = model.rows_for(stored, subjects, deployed.voice.tasks)
    made = people.rows_of_conditions(made)
    for subject in ("CT001", "PZ001", "PZ005"):
        found = inputs.recordings(recordings_of(subject), None, deployed.audio)
        measured, how = measures_and_conditions(found, deployed)
        known = age_and_sex(subject)
        row = voice_models.row_of(measured, [one.task for one in found], known, deployed.voice.tasks)
        np.testing.assert_allclose(row.iloc[0], rows.loc[subject], rtol=1e-12)
        assert np.mean([one.duration_s for one in how]) == pytest.approx(made.loc[subject, "duration_s"])


@pytest.mark.parametrize(("name", "known"), [("voice", True), ("voice_unadjusted", False)])
def test_the_fold_model_not_trained_on_a_person_gives_the_stored_probability(tmp_path, capsys, name, known):
    table = out_of_fold(name).groupby("subject_id").first()
    for subject in ("CT002", "PZ001", "PZ004"):
        clinical = ["--clinical", clinical_file(tmp_path, **age_and_sex(subject))] if known else []
        prediction = predicted(*recordings_of(subject), *clinical)
        assert prediction.model == name
        fold, stored = table.loc[subject, ["fold", "probability"]]
        assert round(prediction.person.scores[int(fold) - 1], 6) == pytest.approx(stored, abs=1.1e-6)
    capsys.readouterr()


def test_recording_conditions_give_the_stored_log_odds_of_the_fold(deployed, folds):
    table = out_of_fold("conditions").groupby("subject_id").first()
    for subject in ("CT001", "PZ002"):
        _, made = measures_and_conditions(inputs.recordings(recordings_of(subject), None, deployed.audio), deployed)
        fold, stored = table.loc[subject, ["fold", "probability"]]
        alone = folds.model_copy(update={"folds": {int(fold): folds.folds[int(fold)]}})
        assert people.probability(alone.conditions_log_odds(made)) == pytest.approx(stored, abs=1e-6)


def test_contributions_and_what_all_start_from_add_up_to_the_log_odds(folds, tmp_path, capsys):
    prediction = predicted(*recordings_of("PZ002"), "--clinical", clinical_file(tmp_path, **age_and_sex("PZ002")))
    why = prediction.voice
    assert len(why.contributions) > 20
    total = why.start + why.filled_in + sum(one.log_odds for one in why.contributions)
    scores = np.array(prediction.person.scores)
    assert total == pytest.approx(np.mean(np.log(scores / (1 - scores))))
    assert [one.log_odds for one in why.contributions] == sorted((c.log_odds for c in why.contributions), reverse=True)
    assert all(one.log_odds > 0 for one in why.towards) and all(one.log_odds < 0 for one in why.away)
    assert why.away[0] == why.contributions[-1] and len(why.towards) <= 5
    capsys.readouterr()


def test_nothing_that_trains_or_draws_is_imported():
    arguments = ["predict", *recordings_of("PZ001")]
    code = (
        f"import sys\nfrom bulbar.commands import cli\nassert cli.main({arguments!r}) == 0\n"
        "heavy = {'tensorflow', 'keras', 'sklearn', 'librosa', 'numba', 'matplotlib', 'optuna', 'shap', 'dvc'}\n"
        "print('imported:', sorted(heavy.intersection(sys.modules)))"
    )
    printed = in_a_new_process(code)
    assert "Probability of ALS" in printed and printed.endswith("imported: []\n")


def test_without_age_or_sex_the_unadjusted_model_answers_and_says_how_it_compares(deployed, tmp_path, capsys):
    scores = deployed.voice.scores
    for known in ({}, {"sex": "F"}, {"age_years": 60}):
        clinical = ["--clinical", clinical_file(tmp_path, **known)] if known else []
        prediction = predicted(*recordings_of("PZ001"), *clinical)
        printed = capsys.readouterr().out
        assert prediction.model == "voice_unadjusted" and list(prediction.unused) == list(known)
        assert "voice_unadjusted answers" in printed
        for name in ("voice", "voice_unadjusted"):
            assert f"{scores[name].auc:.2f} ({scores[name].low:.2f} to {scores[name].high:.2f})" in printed
    assert "either sex" in printed and "60 years" in printed


def test_any_of_the_tasks_will_do_and_the_auc_without_the_others_is_stated(deployed, capsys):
    files = recordings_of("PZ001")
    for kept, name in ((files[:1], "A only"), (files[1:], "PA only")):
        prediction = predicted(*kept)
        (known,) = prediction.voice.known
        stored = json.loads(Path("metrics/voice/subject_wise.json").read_text())["auc_by_tasks"]["voice_unadjusted"]
        assert (known.name, known.auc) == (name, stored[name])
        assert f"{known.auc:.2f} ({name}); with all tasks" in capsys.readouterr().out
    assert predicted(*files).voice.known == [] and "missing" not in capsys.readouterr().out.split("TOWARDS")[0]


def test_several_recordings_of_a_task_are_averaged(tmp_path, capsys):
    files = [f"release/phonationA/{name}_phonationA.wav" for name in ("PZ001", "PZ002")]
    both = predicted(
        *(str(shutil.copy(file, tmp_path / f"take{n}.wav")) for n, file in enumerate(files)), "--task", "A"
    )
    found = {one.measure: one.value for one in both.voice.contributions}
    for name in ("mean_f0_hz", "hnr_db"):
        assert found[name] == pytest.approx(np.mean([one.measures[name] for one in both.recordings]), abs=1e-6)
    capsys.readouterr()


@pytest.fixture
def other_models(tmp_path):
    """A copy of the deployed models, to change."""
    return Path(shutil.copytree(MODELS, tmp_path / "models"))


@pytest.mark.parametrize("log_odds", [1.0, -1.0])
def test_it_warns_where_recording_conditions_alone_would_call_the_person_a_patient(
    folds, other_models, capsys, log_odds
):
    conditions = StoredRegression(covariates=(), features=(), intercept=log_odds)
    changed = {number: fold.model_copy(update={"conditions": conditions}) for number, fold in folds.folds.items()}
    (other_models / "voice.json").write_text(folds.model_copy(update={"folds": changed}).model_dump_json())
    prediction = predicted(*recordings_of("PZ001"), "--model", str(other_models))
    assert prediction.voice.conditions == pytest.approx(log_odds)
    assert bool([one for one in prediction.warnings if "recording conditions alone" in one]) == (log_odds > 0)
    assert ("! The recording conditions alone" in capsys.readouterr().out) == (log_odds > 0)


def test_json_holds_every_measure_the_contributions_and_the_cost_of_missing_tasks(tmp_path, capsys):
    clinical = clinical_file(tmp_path, **age_and_sex("PZ001"), cantagallo_questionnaire=3)
    files = recordings_of("PZ001")[:1]
    assert cli.main(["predict", *files, "--clinical", clinical, "--prevalence", "0.05", "--json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=lambda constant: pytest.fail(constant))
    assert set(found["recordings"][0]["measures"]) == set(MEASURES)
    assert found["person"]["used"] == ["age_years", "sex"]
    assert found["person"]["not_used"] == ["cantagallo_questionnaire"]
    why = found["voice"]
    assert why["tasks"]["missing"] == ["PA"] and why["tasks"]["auc_on_these_tasks"] is not None
    assert why["recording_conditions"]["called_a_patient_above"] == 0 and len(why["contributions"]) > 10
    for one in why["contributions"]:
        assert one["task"] == "A" and one["expected"]["low"] <= one["expected"]["high"] and one["definition"]
        assert found["recordings"][0]["measures"][one["measure"]] == pytest.approx(one["value"], abs=1e-5)


def test_ranges_of_controls_are_those_of_their_regression(deployed, tmp_path, capsys):
    """By scikit-learn, on the measures of the controls."""
    from sklearn.linear_model import LinearRegression

    stored = pd.read_csv("data/acoustic/features.csv", dtype={"subject_id": str})
    subjects = pd.read_csv("data/cohort/subjects.csv", dtype={"subject_id": str})
    rows = model.rows_for(stored, subjects, deployed.voice.tasks)
    controls = rows.loc[subjects.loc[subjects["label"] == "HC", "subject_id"]]
    prediction = predicted(*recordings_of("PZ001"), "--clinical", clinical_file(tmp_path, age_years=50, sex="M"))
    one = next(c for c in prediction.voice.contributions if c.measure == "hnr_db" and c.task == "A")
    fitted = LinearRegression().fit(controls[["age_years", people.MALE]].to_numpy(), controls["A:hnr_db"])
    assert np.mean(one.expected) == pytest.approx(fitted.predict([[50.0, 1.0]])[0])
    assert "50 years, male" in capsys.readouterr().out


def test_a_recording_of_no_task_of_the_model_is_refused(tmp_path, capsys):
    file = str(shutil.copy("release/phonationA/PZ001_phonationA.wav", tmp_path / "someone_U.wav"))
    with pytest.raises(BadInput) as caught:
        predicted(file)
    (problem,) = caught.value.problems
    assert problem.where == file and "A and PA" in problem.expected and "--with audio" in problem.remedy
    with_a = predicted(file, str(shutil.copy("release/rhythmPA/PZ001_rhythmPA.wav", tmp_path / "someone_PA.wav")))
    assert with_a.voice.tasks == ["PA"]
    assert [line for line in with_a.recordings[0].outside_range if line.startswith("task U")]
    capsys.readouterr()


def test_noise_without_a_voice_is_refused(tmp_path):
    noise = np.random.default_rng(1).normal(size=16000) * 0.05
    soundfile.write(tmp_path / "x_A.wav", noise, 8000)
    with pytest.raises(BadInput, match="a voice that Praat can measure"):
        predicted(str(tmp_path / "x_A.wav"))


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda file: file.unlink(), "no such file"),
        (lambda file: file.write_bytes(file.read_bytes()[:1000]), "Invalid JSON"),
        (lambda file: file.write_text(file.read_text().replace("mean_f0_hz", "mean_f9_hz")), "mean_f9_hz"),
        (lambda file: file.write_text(json.dumps({"folds": {"1": json.loads(file.read_text())["folds"]["1"]}})), "[1]"),
        (lambda file: file.write_text('{"folds": {}}'), "folds"),
    ],
)
def test_a_damaged_voice_json_is_named(other_models, damage, word):
    damage(other_models / "voice.json")
    with pytest.raises(BadInput) as caught:
        read_settings(other_models)
    problem = caught.value.problems[0]
    assert problem.where.endswith("voice.json") and word in problem.found and "dvc" in problem.remedy


def test_bad_input_is_refused_with_the_four_parts_and_no_traceback(tmp_path):
    (tmp_path / "text_A.wav").write_text("no audio")
    command = [sys.executable, "-m", "bulbar.commands", "predict", str(tmp_path / "text_A.wav")]
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert run.returncode == 1 and run.stdout == "" and "Traceback" not in run.stderr
    assert all(word in run.stderr for word in ("expected:", "found:", "to do:", "1 problem(s): nothing was predicted"))


def test_the_files_of_the_folds_are_deployed_as_the_stage_voice_wrote_them(folds):
    for number, fold in folds.folds.items():
        assert fold == StoredFold.model_validate_json(
            Path(f"models/voice/subject_wise/fold_{number}.json").read_bytes()
        )


SOME = tuple(
    TaskScore(name=name, tasks=tuple(tasks.split()), auc=0.6)
    for name, tasks in {
        **{f"{task} only": task for task in ("A", "E", "I", "PA")},
        **{"without A": "E I PA", "without E": "A I PA", "without I": "A E PA", "without PA": "A E I"},
        **{"vowels only": "A E I", "syllable trains only": "PA"},
    }.items()
)


@pytest.mark.parametrize(
    ("tasks", "names"),
    [
        (["A"], ["A only"]),
        (["I", "A", "E"], ["without PA"]),
        (["A", "PA"], ["A only", "PA only", "without E", "without I"]),
    ],
)
def test_the_nearest_scores_are_named_where_the_very_one_was_not_computed(tasks, names):
    scores = VoiceScores(auc=0.7, low=0.6, high=0.8, on_some_tasks=SOME)
    assert [one.name for one in scores.on(tasks)] == names


def test_what_the_text_calls_a_measure_is_its_definition_without_praat_s_command(capsys):
    predicted(*recordings_of("PZ001"))
    printed = capsys.readouterr().out
    assert not re.search(r"\(`", printed) and "TOWARDS ALS" in printed and "AWAY FROM ALS" in printed
