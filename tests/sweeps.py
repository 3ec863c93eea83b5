"""A made-up cohort, sweep and fusion in the pipeline's own format, without a single fit."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bulbar.core.files import write_json
from bulbar.core.names import PROTOCOLS
from tests.projects import write_csv, write_params

ARCHITECTURES = [f"S{depth}{pooling}" for depth in range(1, 6) for pooling in "AB"]
DROPOUT_RATES = [0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
FUSION_MODELS = {"audio": 0.25, "clinical_all": 3.0, "clinical_common": 0.2, "fused_all": 3.0, "fused_common": 0.3}
ROOT = Path(__file__).resolve().parents[1]


def subjects_and_recordings(subjects: int = 45, tasks: tuple[str, ...] = ("A", "PA")) -> pd.DataFrame:
    """Two patients for each control, `tasks` recordings each."""
    rows = [(f"S{n:03d}_{task}", f"S{n:03d}", int(n % 3 != 0)) for n in range(1, subjects + 1) for task in tasks]
    return pd.DataFrame(rows, columns=["recording_id", "subject_id", "label"])


def with_folds(recordings: pd.DataFrame, protocol: str, splits: int = 5) -> pd.DataFrame:
    """Folds dealt out in turn within each class: over recordings, or over subjects."""
    key = "recording_id" if protocol == "record_wise" else "subject_id"
    table = recordings.copy()
    for label in (0, 1):
        names = sorted(table.loc[table["label"] == label, key].unique())
        np.random.default_rng(label).shuffle(names)
        fold_of = {name: place % splits + 1 for place, name in enumerate(names)}
        table.loc[table["label"] == label, "fold"] = table.loc[table["label"] == label, key].map(fold_of)
    table["fold"] = table["fold"].astype(int)
    for fold in range(1, splits + 1):
        watched = fold if protocol == "record_wise" else fold % splits + 1
        table[f"validation_{fold}"] = (table["fold"] == watched).astype(int)
    return table


def predictions(folds: pd.DataFrame, effect: float, seed: int) -> pd.DataFrame:
    """Probabilities that separate the classes by twice `effect` on the logit, similar within a subject."""
    generator = np.random.default_rng(seed)
    voice = {subject: generator.normal() for subject in sorted(folds["subject_id"].unique())}
    logit = 0.6 + effect * (2 * folds["label"] - 1) + 0.4 * folds["subject_id"].map(voice)
    logit = logit + 0.5 * generator.normal(size=len(folds))
    table = folds[["recording_id", "subject_id", "fold", "label"]].copy()
    table["probability"] = (1 / (1 + np.exp(-logit))).round(6)
    return table


def history(epochs: int, effect: float, seed: int) -> pd.DataFrame:
    """Losses that fall, accuracies that rise."""
    generator = np.random.default_rng(seed)
    epoch = np.arange(1, epochs + 1)
    loss = 0.69 * np.exp(-effect * epoch / 4)
    wobble = generator.normal(0, 0.02, size=(3, epochs))
    return pd.DataFrame(
        {
            "epoch": epoch,
            "loss": loss,
            "accuracy": np.clip(1 - loss / 2.1 + wobble[0], 0, 1),
            "validation_loss": 0.62 * np.exp(-effect * epoch / 8) + wobble[1],
            "validation_accuracy": np.clip(1 - loss / 2 + wobble[2], 0, 1),
            "learning_rate": 0.001,
        }
    )


def write_sweep(
    root: Path,
    protocol: str,
    *,
    architectures: list[str] = ARCHITECTURES,
    dropout_rates: list[float] = DROPOUT_RATES,
    subjects: int = 45,
) -> None:
    """data/sweep, data/folds and data/fusion of one protocol, below `root`."""
    folds = with_folds(subjects_and_recordings(subjects), protocol)
    write_csv(root / f"data/folds/{protocol}.csv", folds)
    fits, histories = [], []
    for place, architecture in enumerate(architectures):
        for rate in dropout_rates:
            seed = 1000 * place + int(10 * rate) + (0 if protocol == "record_wise" else 7)
            effect = max(0.45 - 0.05 * place - 0.3 * rate, 0.0)
            table = predictions(folds, effect, seed)
            if place > 4 and rate > 0.1:  # these call everyone a patient, like the paper's
                table["probability"] = (0.66 + 0.02 * (table["probability"] - 0.5)).round(6)
            write_csv(root / f"data/sweep/{protocol}/predictions/{architecture}_{rate}.csv", table)
            for fold in range(1, 6):
                here = table[table["fold"] == fold]
                epochs = history(6 - (seed + fold) % 3, effect, seed + fold)
                watched = table[folds[f"validation_{fold}"] == 1]
                likelihood = np.where(watched["label"] == 1, watched["probability"], 1 - watched["probability"])
                loss = float(-np.log(likelihood).mean())
                fit = {"architecture": architecture, "dropout_rate": rate, "fold": fold}
                scores = {
                    "validation_loss": round(loss + 0.01 * (fold % 2), 6),
                    "validation_log_loss": round(loss + 0.02 * (fold % 3), 6),
                    "test_accuracy": float(((here["probability"] >= 0.5) == (here["label"] == 1)).mean()),
                    "test_recordings": len(here),
                }
                fits.append({**fit, "epochs": len(epochs), "best_epoch": len(epochs), **scores})
                histories.append(epochs.assign(**fit))
    write_csv(root / f"data/sweep/{protocol}/fits.csv", fits)
    write_csv(root / f"data/sweep/{protocol}/histories.csv", pd.concat(histories))
    for cell in ("selected", "published"):
        for place, (model, effect) in enumerate(FUSION_MODELS.items()):
            seed = place + (10 if cell == "selected" else 20)
            folder = root / f"data/fusion/{protocol}/{cell}"
            write_csv(folder / f"{model}.csv", predictions(folds, effect, seed))
            curves = [history(4 + fold % 3, min(effect, 1.5), seed + fold).assign(fold=fold) for fold in range(1, 6)]
            write_csv(folder / f"{model}_history.csv", pd.concat(curves))


def write_study(root: Path, *, synthetic: bool = True, **sweep: Any) -> Path:
    """All that select and evaluate read, below `root`: params.yaml and reference/ are the repository's own."""
    shutil.copy(ROOT / "params.yaml", root / "params.yaml")
    shutil.copytree(ROOT / "reference", root / "reference")
    for protocol in PROTOCOLS:
        write_sweep(root, protocol, **sweep)
    write_json({"source": "voc_als", "synthetic": synthetic, "clinical": {}}, root / "data/cohort/cohort.json")
    columns = {
        "all": {"age_years": "numeric", "sex": "categorical", "genetic_test": "categorical"},
        "common": ["age_years", "sex"],
    }
    write_json(columns, root / "data/clinical/columns.json")
    genes = subjects_and_recordings()[["subject_id", "label"]].drop_duplicates()
    genes = genes.assign(age_years=60, sex="M", genetic_test=np.where(genes["label"] == 1, "negative", ""))
    write_csv(root / "data/clinical/subjects.csv", genes)
    return root


def write_recordings(root: Path) -> None:
    """Beside `write_study`: images and conditions of every recording, the same in both groups, and the baselines."""
    write_params(root, spectrogram={"mel_bands": 16, "frames": 16})
    recordings = subjects_and_recordings()
    generator = np.random.default_rng(3)
    voice = {subject: generator.normal(size=(16, 1)) for subject in sorted(recordings["subject_id"].unique())}
    images = [voice[subject] + 0.3 * generator.normal(size=(16, 16)) for subject in recordings["subject_id"]]
    (root / "data/features").mkdir(parents=True, exist_ok=True)
    np.save(root / "data/features/images.npy", (np.clip(images, -3, 3) / 6 + 0.5).astype(np.float32))
    write_csv(root / "data/features/index.csv", recordings[["recording_id"]].assign(segment=0))
    conditions = recordings[["recording_id", "subject_id"]].assign(
        task=recordings["recording_id"].str.split("_").str[1], sample_rate_hz=8000, format="WAV/PCM_16", channels=1,
        bandwidth_hz=4000.0, clipped_share=0.0, digital_silence_share=0.0, noise_centroid_hz=np.nan,
    )  # fmt: skip
    means = {"dc_offset": 0, "noise_dbfs": -60, "duration_s": 12, "level_dbfs": -20, "pause_share": 0}
    for name, mean in means.items():
        conditions[name] = mean + generator.normal(size=len(conditions)).round(3)
    write_csv(root / "data/conditions/recordings.csv", conditions)
    for protocol in PROTOCOLS:
        for place, model in enumerate(("majority", "age_sex", "voice_linear", "voice_forest")):
            table = predictions(with_folds(recordings, protocol), 0.2, seed=40 + place)
            write_csv(root / f"data/baselines/{protocol}/{model}.csv", table)
    none = pd.DataFrame(columns=["first", "second", "kind", "correlation", "lag_s"])
    write_csv(root / "data/conditions/duplicates.csv", none)
