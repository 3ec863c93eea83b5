"""The VOC-ALS release, Synapse syn53009474.

Source: Dubbioso et al., Scientific Data 11, 2024, doi 10.1038/s41597-024-03597-2.
"""

import re
from pathlib import Path, PurePosixPath

import pandas as pd

from bulbar.cohort import release, workbook
from bulbar.cohort.release import LABELS, SEXES, Column, Fault, RecordingFile, Release
from bulbar.core.errors import BadInput, Problem
from bulbar.core.names import SYLLABLES, VOWELS

WORKBOOK = "VOC-ALS.xlsx"
SHEET = "VOC-ALS_Data"
FOLDERS = {f"phonation{task}": task for task in VOWELS} | {f"rhythm{task}": task for task in SYLLABLES}

_ALSFRS_R = {
    **{"Speech": "speech", "Salivation": "salivation", "Swallowing": "swallowing", "Handwriting": "handwriting"},
    **{"CuttingFood": "cutting_food", "CuttingFoodWithGastrostomy": "cutting_food_with_gastrostomy"},
    **{"DressingHygiene": "dressing_hygiene", "TurningBed": "turning_bed", "Walking": "walking"},
    **{"ClimbingStairs": "climbing_stairs", "Dyspnea": "dyspnea", "Orthopnea": "orthopnea"},
    **{"BreathingInsufficiency": "breathing_insufficiency"},
}

_COLUMNS: dict[str, str | tuple[str, float, float]] = {
    "Age (years)": ("age_years", 1, 120),
    "Sex": "sex",
    "OnsetRegion": "onset_region",
    "Therapy": "therapy",
    "GeneticTest": "genetic_test",
    "DiagnosticDelay": ("diagnostic_delay_months", 0, 1200),
    "DiseaseDuration": ("disease_duration_months", 0, 1200),
    "FVC%": ("fvc_percent", 0, 250),
    "ALSFRS-R_TotalScore": ("alsfrs_r_total", 0, 48),
    "ProgressionRate": ("progression_rate", 0, 48),
    "Revised_ElEscorial_Criteria": "el_escorial",
    **{f"ALSFRS-R_{written}Subscore": (f"alsfrs_r_{name}", 0, 4) for written, name in _ALSFRS_R.items()},
    "KingClinicalStage": "king_stage",
    "MRC_HeadMuscles": ("mrc_head", 0, 15),
    "MRC_UpperLimbMuscles": ("mrc_upper_limbs", 0, 70),
    "MRC_LowerLimbsMuscles": ("mrc_lower_limbs", 0, 60),
    "PUMNS_BulbarSubscore": ("pumns_bulbar", 0, 14),
    "PUMNS_UpperLimbsSubscore": ("pumns_upper_limbs", 0, 14),
    "PUMNS_LowerLimbsSubscore": ("pumns_lower_limbs", 0, 14),
    "Cantagallo_Questionnaire": ("cantagallo_questionnaire", 0, 140),
}
"""The release's 32 clinical columns (34 with ID and Category): name in the workbook -> name in bulbar of a categorical
column; or of a numeric one, with the lowest and highest possible value."""

CLINICAL: dict[str, Column] = {
    written: (column, "categorical") if isinstance(column, str) else (column[0], "numeric")
    for written, column in _COLUMNS.items()
}
LIMITS = {column[0]: column[1:] for column in _COLUMNS.values() if not isinstance(column, str)}

COMMON = ["age_years", "sex", "cantagallo_questionnaire"]
"""The clinical columns that are recorded for both patients and controls."""

ACOUSTIC = [
    f"{measure}_{task}"
    for measure in ("meanF0Hz", "stdevF0Hz", "HNR", "localJitter", "localShimmer")
    for task in ("A", "E", "I", "O", "U", "PA", "TA", "KA", "monologue", "reading", "weekdays")
]
"""The 55 columns of Praat measurements that the release has for both groups."""

HOW_TO_GET_IT = (
    "for the synthetic default, run `python -m stages.phantom`; for the VOC-ALS release, run"
    " `bulbar download voc_als` (Synapse syn53009474, free account), then set cohort.root to its folder"
)


def read(root: Path) -> Release:
    """Read a VOC-ALS release: audio folders at any depth, and the workbook with two header rows.

    Parameters
    ----------
    root : Path
        Folder of the download.

    Returns
    -------
    Release
        Everything that could be read, and all problems. The label is the workbook's Category, not the ID's prefix.

    Raises
    ------
    BadInput
        If there is no such folder.
    """
    release.require_root(root, HOW_TO_GET_IT)
    files, faults = release.files_of(release.wav_paths(root), _recording, "phonationA/CT001_phonationA.wav")
    try:
        subjects, acoustic, unused, row_problems = _read_workbook(root)
        structural: list[Problem] = []
    except BadInput as error:
        subjects, acoustic, unused, row_problems, structural = pd.DataFrame(), None, [], [], error.problems
    return Release(
        source="voc_als",
        synthetic=release.is_synthetic(root),
        files=files,
        subjects=subjects,
        acoustic=acoustic,
        clinical=dict(CLINICAL.values()),
        common=COMMON,
        unused_columns=unused,
        structural=structural,
        faults=faults + row_problems,
    )


def _recording(path: str) -> RecordingFile | None:
    """The recording, from folder and file name: `Data/Audio/rhythmKA/PZ068_rhythmKA.wav` is task KA of PZ068."""
    parts = PurePosixPath(path)
    task = FOLDERS.get(parts.parent.name)
    match = re.fullmatch(r"([A-Za-z]+[0-9]+)_([A-Za-z]+)", parts.stem)
    if task is None or match is None or FOLDERS.get(match[2]) != task:
        return None
    return RecordingFile(path, match[1], task)


def _read_workbook(root: Path) -> tuple[pd.DataFrame, pd.DataFrame | None, list[str], list[Fault]]:
    """Subjects, acoustic columns (if there are any), unused columns, and faults of single rows."""
    sheet = workbook.read_sheet(_find_workbook(root), SHEET, header_row=2)
    acoustic_names = ACOUSTIC if set(ACOUSTIC) & set(sheet.names) else []
    wanted = ["ID", "Category", *CLINICAL, *acoustic_names]
    problems = workbook.column_problems(sheet, wanted)
    if problems:
        raise BadInput(problems)
    keys: dict[str, Column] = {"ID": ("subject_id", "categorical"), "Category": ("label", "categorical")}
    acoustic_columns: dict[str, Column] = {name: (name, "numeric") for name in acoustic_names}
    table, cell_faults = workbook.typed(sheet, keys | CLINICAL | acoustic_columns, LIMITS)
    table["subject_id"] = [name or "" for name in table["subject_id"]]
    table["sex"] = [workbook.of_either_case(sex, SEXES) for sex in table["sex"]]
    faults = workbook.row_faults(sheet, table, cell_faults, {"label": LABELS, "sex": SEXES})
    known = {fault.at for fault in cell_faults if fault.column == "subject_id"}
    for at, name in enumerate(table["subject_id"]):
        if at not in known and not release.usable_id(name):
            where = f"{sheet.where}, row {sheet.rows[at][0]}"
            expected = "an ID of letters, digits and hyphens, like CT001"
            faults.append(Fault(Problem(where, expected, repr(name) if name else "no ID", "correct the cell"), name))
    first = ["subject_id", "label", "sex", "age_years"]
    clinical = [name for name, _ in CLINICAL.values() if name not in first]
    acoustic = table[["subject_id", *acoustic_names]] if acoustic_names else None
    return table[first + clinical], acoustic, workbook.unused_columns(sheet, wanted), faults


def _find_workbook(root: Path) -> Path:
    """The release's workbook, at any depth. Raises BadInput if there is none, or more than one."""
    found = sorted(path for path in root.rglob(WORKBOOK) if path.is_file())
    if len(found) != 1:
        similar = "" if found else workbook.lookalikes(root.rglob("*"), WORKBOOK)
        names = ", ".join(path.relative_to(root).as_posix() for path in found) or similar or "none"
        remedy = workbook.SAVE_UNDER_THIS_NAME if similar else HOW_TO_GET_IT
        remedy = "keep only one release in the folder" if found else remedy
        raise BadInput.one(str(root / WORKBOOK), f"one workbook {WORKBOOK} in the release", names, remedy)
    if (foreign := release.link_problem(found[0].relative_to(root).as_posix(), root)) is not None:
        raise BadInput([foreign])
    return found[0]
