"""Small releases of our own making, in the shape of the real ones, for the tests to read.

Every voice is a decaying tone with noise, every value is made up, save the cells of the paper's Tables 2 and 3.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import soundfile

VOC_ALS_FOLDERS = {f"phonation{task}": task for task in "AEIOU"} | {
    f"rhythm{task}": task for task in ("KA", "PA", "TA")
}
ALSFRS_R = [
    "Speech",
    "Salivation",
    "Swallowing",
    "Handwriting",
    "CuttingFood",
    "CuttingFoodWithGastrostomy",
    "DressingHygiene",
    "TurningBed",
    "Walking",
    "ClimbingStairs",
    "Dyspnea",
    "Orthopnea",
    "BreathingInsufficiency",
]
CLINICAL = [
    *("OnsetRegion", "Therapy", "GeneticTest", "DiagnosticDelay", "DiseaseDuration", "FVC% ", "ALSFRS-R_TotalScore"),
    *(" ProgressionRate ", "Revised_ElEscorial_Criteria"),
    *(f"ALSFRS-R_{name}Subscore" for name in ALSFRS_R),
    *("KingClinicalStage", "MRC_HeadMuscles", "MRC_UpperLimbMuscles", "MRC_LowerLimbsMuscles"),
    *("PUMNS_BulbarSubscore", "PUMNS_UpperLimbsSubscore", "PUMNS_LowerLimbsSubscore"),
]
"""The columns that only patients have, stray blanks as in the release."""
ACOUSTIC = [
    f"{measure}_{task}"
    for measure in ("meanF0Hz", "stdevF0Hz", "HNR", "localJitter", "localShimmer")
    for task in ("A", "E", "I", "O", "U", "PA", "TA", "KA", "monologue", "reading", "weekdays")
]
VOC_ALS_COLUMNS = ["ID", "Age (years)", "Sex", "Category", *CLINICAL, *ACOUSTIC, "Cantagallo_Questionnaire"]


def write_voice(path: Path, *, name: str, duration_s: float = 1.0, sample_rate_hz: int = 8000) -> None:
    """A tone of its own for every `name`, mono, PCM 16 bit."""
    draws = np.random.default_rng(list(name.encode()))
    times = np.arange(round(duration_s * sample_rate_hz)) / sample_rate_hz
    voice = 0.4 * np.sin(2 * np.pi * draws.uniform(90, 250) * times) + 0.02 * draws.standard_normal(len(times))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, voice, sample_rate_hz, subtype="PCM_16", format="WAV")


def voc_als_control(subject_id: str, **cells: Any) -> dict[str, Any]:
    """A control's row: `-` in every column that only patients have. cells: by column name, to overrule."""
    row = {"ID": subject_id, "Age (years)": 50, "Sex": "M", "Category": "HC"}
    row |= dict.fromkeys(CLINICAL, "-") | dict.fromkeys(ACOUSTIC, 1.5) | {"Cantagallo_Questionnaire": 4}
    return row | cells


def voc_als_patient(subject_id: str, **cells: Any) -> dict[str, Any]:
    """A patient's row. cells: by column name, to overrule."""
    row = voc_als_control(subject_id) | {"Age (years)": 61, "Sex": "F", "Category": "ALS"}
    row |= {"OnsetRegion": "spinal", "Therapy": "Riluzole", "GeneticTest": "negative", "DiagnosticDelay": 9}
    row |= {"DiseaseDuration": 20, "FVC% ": 90, "ALSFRS-R_TotalScore": 38, " ProgressionRate ": 0.5}
    row |= {"Revised_ElEscorial_Criteria": "probable ", "KingClinicalStage": 2}
    row |= {f"ALSFRS-R_{name}Subscore": 3 for name in ALSFRS_R if name != "CuttingFoodWithGastrostomy"}
    row |= {"MRC_HeadMuscles": 14, "MRC_UpperLimbMuscles": 55, "MRC_LowerLimbsMuscles": 48}
    row |= {"PUMNS_BulbarSubscore": 1, "PUMNS_UpperLimbsSubscore": 6, "PUMNS_LowerLimbsSubscore": 4}
    return row | {"Cantagallo_Questionnaire": 30} | cells


def voc_als_rows(controls: int = 3, patients: int = 6) -> list[dict[str, Any]]:
    """Rows of a small cohort: CT001 and on, PZ001 and on, of different ages."""
    rows = [voc_als_control(f"CT{n:03d}", **{"Age (years)": 40 + n}) for n in range(1, controls + 1)]
    return rows + [voc_als_patient(f"PZ{n:03d}", **{"Age (years)": 50 + n}) for n in range(1, patients + 1)]


def write_voc_als(
    root: Path,
    rows: Iterable[Mapping[str, Any]] | None = None,
    *,
    tasks: Iterable[str] = ("A", "PA"),
    audio_below: str = "",
    columns: Iterable[str] = VOC_ALS_COLUMNS,
    duration_s: float = 1.0,
) -> Path:
    """Write a VOC-ALS release and return its root.

    rows: of the workbook, by column name; a small cohort by default. audio_below: folder above the task folders.
    columns: in which order, and which, the workbook has.
    """
    rows = voc_als_rows() if rows is None else list(rows)
    wanted = set(tasks)
    for folder, task in VOC_ALS_FOLDERS.items():
        for subject_id in {row["ID"] for row in rows} if task in wanted else ():
            name = f"{str(subject_id).strip()}_{folder}"
            write_voice(root / audio_below / folder / f"{name}.wav", name=name, duration_s=duration_s)
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "VOC-ALS_Data"
    columns = list(columns)
    sheet.append([f"Column-{n}" for n in range(1, len(columns) + 1)])
    sheet.append(columns)
    for row in rows:
        sheet.append([row.get(name) for name in columns])
    for empty in range(len(rows) + 3, len(rows) + 60):
        sheet.cell(
            empty, 1
        ).number_format = "0.00"  # the release's sheet goes on with hundreds of formatted, empty rows
    for name in ("Legend", "Cantagallo_Questionnaire"):
        book.create_sheet(name)
    root.mkdir(parents=True, exist_ok=True)
    book.save(root / "VOC-ALS.xlsx")
    return root


def write_minsk2020(root: Path, *, patients: Iterable[int] = (8, 24, 100), controls: Iterable[int] = (2, 24)) -> Path:
    """Write a release in the shape of Minsk2020 and return its root. Codes below 100 are strings, as there."""
    for label, codes, rate in (("ALS", list(patients), 44100), ("HC", list(controls), 48000)):
        book = openpyxl.Workbook()
        names = ["Subject code", "Age", "Sex"]
        if label == "ALS":
            names += ["Time from ALS onset (months)", "Bulbar/spinal onset", "Presence of the bulbar signs"]
        book.active.append(names)
        for code in codes:
            cells: list[Any] = [f"{code:03d}" if code < 100 else code, 40 + code % 30, "mf"[code % 2]]
            if label == "ALS":
                cells += [str(5 + code) if code < 100 else 5 + code, "bulbar" if code % 3 else "spinal", "yes"]
            book.active.append(cells)
            for vowel in "ai":
                name = f"{code:03d}_{vowel}.wav"
                write_voice(root / label / name, name=label + name, duration_s=0.6, sample_rate_hz=rate)
        book.save(root / f"{label}_table.xlsx")
    return root


PUBLISHED = [
    voc_als_control("CT001", Cantagallo_Questionnaire=7),
    voc_als_control("CT004", Cantagallo_Questionnaire=0),
    voc_als_control("CT010", Cantagallo_Questionnaire=22),
    voc_als_control("CT069", Cantagallo_Questionnaire=11),
    voc_als_patient(
        "PZ111",
        **{"GeneticTest": "C9ORF72 expansion", "FVC% ": 104, "ALSFRS-R_TotalScore": 43, "Cantagallo_Questionnaire": 49},
    ),
    voc_als_patient("PZ112", **{"FVC% ": 64, "ALSFRS-R_TotalScore": 20, "Cantagallo_Questionnaire": 89}),
    voc_als_patient("PZ114", **{"FVC% ": 98, "ALSFRS-R_TotalScore": 40, "Cantagallo_Questionnaire": 18}),
    voc_als_patient("PZ115", **{"FVC% ": 92, "ALSFRS-R_TotalScore": 40, "Cantagallo_Questionnaire": 3}),
]
"""The cells of the paper's Table 2; the rows' other cells are made up."""

MAXIMA = [
    voc_als_patient(
        "PZ901",
        **{"GeneticTest": "SOD1 ", "FVC% ": 126, "ALSFRS-R_TotalScore": 46, "Cantagallo_Questionnaire": 130},
    ),
    voc_als_patient("PZ902", **{"GeneticTest": "TARDBP", "FVC% ": "-", "Therapy": "None"}),
]
"""Made-up rows that bring the release's maxima (FVC 126, ALSFRS-R 46, Cantagallo 130) and its other gene variants."""

COMMON_VOICE_COLUMNS = [
    *("client_id", "path", "sentence_id", "sentence", "sentence_domain", "up_votes", "down_votes", "age", "gender"),
    *("accents", "variant", "locale", "segment"),
]
"""As in release 17; until release 6 `accent` stood for `accents`, and there was no `variant`."""


def common_voice_row(client_id: str, path: str, gender: str = "male", **cells: str) -> dict[str, str]:
    """A row of validated.tsv that nobody voted down. cells: by column name, to overrule."""
    row = {"client_id": client_id, "path": path, "sentence": 'He said "stop.', "up_votes": "2", "down_votes": "0"}
    return row | {"age": "twenties", "gender": gender, "accents": "England English", "locale": "en"} | cells


def common_voice_rows(speakers: int = 4, clips: int = 2) -> list[dict[str, str]]:
    """Rows of men and women by turns: m0_0.mp3, m0_1.mp3, f1_0.mp3 and on."""
    return [
        common_voice_row(f"speaker{n}", f"{'mf'[n % 2]}{n}_{clip}.mp3", ("male", "female_feminine")[n % 2])
        for n in range(speakers)
        for clip in range(clips)
    ]


def write_common_voice(
    root: Path,
    rows: Iterable[Mapping[str, str]] | None = None,
    *,
    columns: Iterable[str] = COMMON_VOICE_COLUMNS,
    missing: Iterable[str] = (),
) -> Path:
    """Write a release of Common Voice, its table and its clips, and return its root. missing: clips that it lacks."""
    rows = common_voice_rows() if rows is None else list(rows)
    columns = list(columns)
    (root / "clips").mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(columns), *("\t".join(row.get(name, "") for name in columns) for row in rows)]
    (root / "validated.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    for name in {row["path"] for row in rows} - set(missing):
        if "/" not in name:
            write_clip(root / "clips" / (name if name.endswith(".mp3") else f"{name}.mp3"), name=name)
    return root


def write_clip(path: Path, *, name: str, duration_s: float = 1.0, sample_rate_hz: int = 16000) -> None:
    """A tone of its own for every `name`, mono MP3."""
    draws = np.random.default_rng(list(name.encode()))
    times = np.arange(round(duration_s * sample_rate_hz)) / sample_rate_hz
    voice = 0.4 * np.sin(2 * np.pi * draws.uniform(90, 250) * times) + 0.02 * draws.standard_normal(len(times))
    soundfile.write(path, voice, sample_rate_hz, format="MP3")
