"""Negative and positive controls of the voice model, on phantoms of known make-up, split by subject.

`python -m benchmarks.controls` prints three tables. Nothing planted: in how many cohorts without an effect of the
disease does the AUC's interval hold 0.5? A clear disease: an effect of 3, patients with an ALSFRS-R speech of 3 or less
and all controls; does the interval lie above 0.5, and the paired difference to age and sex and to the recording
conditions above 0? A planted level: patients recorded louder; do the recording conditions and the audit find it, and
does the voice model's AUC stay within its interval of the same cohort without it?
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from benchmarks.measuring import ROOT, machine, progress, table
from bulbar.appraisal import baselines
from bulbar.audit import recording_conditions
from bulbar.audit.finding import Finding
from bulbar.cohort import folds as splits
from bulbar.core.markdown import with_interval
from bulbar.features import audio, praat
from bulbar.phantom import voc_als
from bulbar.scoring import intervals, metrics
from bulbar.voice import folds, model, outside

TASKS = ("A", "PA")
MODELS = ("voice", "conditions", "age_sex")
MOST_SPEECH = 3
"""ALSFRS-R speech of a clearly dysarthric patient, at most."""

CLEANING = audio.Settings(min_duration_s=0.5)
Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True, eq=False)
class Phantom:
    """A measured cohort: recordings as for `voice.folds`, the people, and the tables per subject of MODELS."""

    recordings: pd.DataFrame
    subjects: pd.DataFrame
    tables: Tables


def settings(arguments: argparse.Namespace, **changes: Any) -> voc_als.Settings:
    """Of a cohort without an effect."""
    fixed = {"tasks": TASKS, "missingness": "as_released", "median_duration_s": arguments.duration, "max_epochs": 1}
    return voc_als.Settings(**{"subjects": arguments.subjects, "effect": 0.0, **fixed, **changes})


def phantom(wanted: voc_als.Settings, seed: int, *, dysarthric: bool = False) -> Phantom:
    """Synthesise a cohort, measure it, and score every model out of fold. dysarthric: leave out the other patients."""
    people = voc_als.cohort(wanted, seed)
    if dysarthric:
        people = [one for one in people if one.cells.get("ALSFRS-R_SpeechSubscore", 0) <= MOST_SPEECH]
    with TemporaryDirectory() as folder:
        rows = [measured(one, task, wanted, seed, Path(folder)) for one in people for task in TASKS]
    table = pd.DataFrame(rows)
    assigned = splits.assign(table, "subject_wise", splits.Settings(), seed)[["recording_id", "fold"]]
    recordings = table.merge(assigned, on="recording_id").sort_values("recording_id", ignore_index=True)
    known = [{"subject_id": one.subject_id, "age_years": one.age_years, "sex": one.sex} for one in people]
    subjects = pd.DataFrame(known)
    return Phantom(recordings, subjects, tables_of(recordings, subjects, seed))


def measured(subject: voc_als.Subject, task: str, wanted: voc_als.Settings, seed: int, folder: Path) -> dict[str, Any]:
    """The row of one recording: who, and its voice measures and conditions."""
    samples, _ = voc_als.record(subject, task, seed, wanted.recorder_of(subject, voc_als.Recorder()))
    audio.write(folder / "one.wav", samples, voc_als.Recorder().sample_rate_hz)
    named = {"recording_id": f"{subject.subject_id}_{task}", "subject_id": subject.subject_id, "task": task}
    found = outside.measure_recording(folder / "one.wav", task, None, praat.Settings(), CLEANING)
    return {**named, "label": int(subject.label == "ALS"), **found}


def tables_of(recordings: pd.DataFrame, subjects: pd.DataFrame, seed: int) -> dict[str, pd.DataFrame]:
    """The out-of-fold table of each of MODELS, one row per subject."""
    wanted = model.Settings.model_validate(YAML(typ="safe").load(ROOT / "params.yaml")["voice"])
    known = recordings.merge(subjects, on="subject_id")
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in MODELS}
    for number in splits.numbers(recordings):
        scored = folds.score_fold(folds.fit_fold(number, recordings, subjects, wanted), recordings, subjects)
        scored["age_sex"], _ = baselines.out_of_fold(known, "age_sex", number, baselines.Settings(), seed)
        for name, tables in parts.items():
            tables.append(scored[name])
    return {name: metrics.per_subject(pd.concat(tables)) for name, tables in parts.items()}


def auc(found: pd.DataFrame) -> tuple[float, float, float]:
    """AUC per subject with its interval."""
    return metrics.scores(found)["roc_auc"], *intervals.intervals(found)["roc_auc"]


def audited(of: Phantom) -> Finding:
    """The audit's finding on the level of the recordings."""
    named = ["recording_id", "subject_id", "label", "fold"]
    predicted = of.recordings[named].merge(of.tables["voice"][["subject_id", "probability"]], on="subject_id")
    made = of.recordings.drop(columns=["label", "fold"])
    found = recording_conditions.probe(made, of.subjects, of.recordings[named], predicted)
    return next(finding for finding in found if finding.of == "level")


def nothing_planted(arguments: argparse.Namespace) -> str:
    """How often the interval of each model holds 0.5 without an effect."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in MODELS}
    for seed in range(1, arguments.seeds + 1):
        for name, scored in phantom(settings(arguments), seed).tables.items():
            found[name].append(auc(scored))
        done = ", ".join(f"{name} {with_interval(*aucs[-1])}" for name, aucs in found.items())
        progress(f"effect 0, seed {seed} of {arguments.seeds}: {done}")
    rows = [
        (
            name,
            f"{sum(low <= 0.5 <= high for _, low, high in aucs)} of {len(aucs)}",
            f"{pd.Series([value for value, _, _ in aucs]).mean():.2f}",
            ", ".join(f"{value:.2f}" for value, _, _ in aucs),
        )
        for name, aucs in found.items()
    ]
    return table(["model", "interval holds 0.5", "mean AUC", "AUC of each seed"], rows)


def clear_disease(arguments: argparse.Namespace) -> str:
    """Scores where dysarthria is clear, and how far the voice model is ahead of both baselines."""
    rows = []
    for seed in range(1, arguments.planted_seeds + 1):
        progress(f"effect 3, seed {seed} of {arguments.planted_seeds}")
        found = phantom(settings(arguments, subjects=2 * arguments.subjects, effect=3.0), seed, dysarthric=True)
        tables = found.tables
        ahead = [with_interval(*intervals.compare(tables["voice"], tables[name])["roc_auc"][:3]) for name in MODELS[1:]]
        people = " / ".join(str(int((tables["voice"]["label"] == label).sum())) for label in (1, 0))
        rows.append((seed, people, *(with_interval(*auc(tables[name])) for name in MODELS), *ahead))
    return table(["seed", "ALS / HC", *MODELS, "voice - conditions", "voice - age_sex"], rows)


def planted_level(arguments: argparse.Namespace) -> str:
    """Scores with and without a level difference."""
    rows = []
    for seed in range(1, arguments.planted_seeds + 1):
        for level_db in (0.0, arguments.level):
            progress(f"level {level_db:g} dB, seed {seed} of {arguments.planted_seeds}")
            found = phantom(settings(arguments, effect=1.0, level_db_patients=level_db), seed)
            level = audited(found)
            scored = [with_interval(*auc(found.tables[name])) for name in ("voice", "conditions")]
            of_audit = f"{level.verdict}, {with_interval(level.value, level.low, level.high)}"
            rows.append((seed, f"{level_db:g}", *scored, of_audit))
    return table(["seed", "level of patients (dB)", "voice", "conditions", "audit: level"], rows)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20, help="cohorts without an effect")
    parser.add_argument("--planted-seeds", type=int, default=2, help="cohorts of each positive control")
    parser.add_argument("--subjects", type=int, default=45)
    parser.add_argument("--duration", type=float, default=4.0, help="median of a recording, seconds")
    parser.add_argument("--level", type=float, default=6.0, help="dB by which patients are recorded louder")
    arguments = parser.parse_args()
    print(machine("numpy", "scikit-learn", "praat-parselmouth"))
    print(f"\n{arguments.subjects} subjects, {', '.join(TASKS)}, {arguments.duration:g} s, AUC per subject\n")
    for title, control in (
        ("A planted level", planted_level),
        ("A clear disease", clear_disease),
        ("Nothing planted", nothing_planted),
    ):
        print(f"{title}:\n\n{control(arguments)}\n", flush=True)


if __name__ == "__main__":
    main()
