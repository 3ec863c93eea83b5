"""The prediction of one person by the voice model: Praat's measures, log-odds of the fold models, what pushes where."""

from collections.abc import Mapping, Sequence

import numpy as np

from bulbar.core.errors import BadInput, Problem, SilentRecording
from bulbar.deployment import prediction, voice_models
from bulbar.deployment.deployed import Deployed
from bulbar.deployment.inputs import InputRecording
from bulbar.deployment.training_range import listed
from bulbar.deployment.voice_explanation import VoiceExplanation
from bulbar.deployment.voice_models import VoiceFolds
from bulbar.features import audio, conditions, voice_measures


def predict(
    folds: VoiceFolds,
    deployed: Deployed,
    found: Sequence[InputRecording],
    person: Mapping[str, float | str],
    *,
    prevalence: float | None,
) -> prediction.Prediction:
    """Predict by `voice`, or by `voice_unadjusted` where a covariate of `voice` is not known."""
    unknown = [name for name in folds.covariates if name not in person]
    name = "voice_unadjusted" if unknown else "voice"
    used = {} if unknown else {covariate: person[covariate] for covariate in folds.covariates}
    measured, made = measures_and_conditions(found, deployed)
    row = voice_models.row_of(measured, [one.task for one in found], person, deployed.voice.tasks)
    explanation = VoiceExplanation.of(
        folds, deployed.voice, name, row, unknown, conditions=folds.conditions_log_odds(made)
    )
    return prediction.Prediction(
        deployed=deployed,
        model=name,
        person=prediction.calibrated(folds.scores(name, row), deployed.models[name].calibrator),
        recordings=[
            prediction.OfRecording(
                one.file, one.task, deployed.training.of_recording(one.task, how), measures=dict(values)
            )
            for one, values, how in zip(found, measured, made, strict=True)
        ],
        outside_range=deployed.training.of_person([one.task for one in found], person),
        clinical=list(used),
        filled_in=[],
        prevalence=prevalence,
        voice=explanation,
        unused=[column for column in person if column not in used],
    )


def measures_and_conditions(
    found: Sequence[InputRecording], deployed: Deployed
) -> tuple[list[dict[str, float]], list[conditions.Conditions]]:
    """Each recording's voice measures, and how it was made, by the code that made the training data.

    Raises BadInput where no recording is of a task of the models, and where in none a voice can be measured.
    """
    if not {one.task for one in found} & set(deployed.voice.tasks):
        expected = f"a recording of a task that the voice model was trained on: {listed(deployed.voice.tasks)}"
        remedy = "record one of these tasks, or ask a network: --with audio"
        raise BadInput([Problem(one.file, expected, f"task {one.task}", remedy) for one in found])
    measured, made, problems = [], [], []
    for one in found:
        samples, rate = audio.read(one.path)
        try:
            made.append(conditions.measure(one.path, samples, rate, deployed.audio))
        except SilentRecording as error:
            problem = Problem(one.file, "a recording with sound in it", str(error), "give another recording")
            problems.append(problem)
            continue
        measured.append(voice_measures.measure_file(one.path, one.task, deployed.voice.measuring))
    if not problems and not any(np.isfinite(value) for values in measured for value in values.values()):
        remedy = "give a recording in which somebody speaks"
        problems = [Problem(one.file, "a voice that Praat can measure", "none", remedy) for one in found]
    if problems:
        raise BadInput(problems)
    return measured, made
