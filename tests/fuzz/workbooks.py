"""Workbooks: any cells and columns in a sound file, and files with something wrong; from reader to clinical matrix."""

import atexit
import datetime
import io
import math
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import openpyxl
from hypothesis import strategies as st

from bulbar.cohort import check, clinical, minsk2020, recording, voc_als
from bulbar.cohort.readers import Release
from bulbar.cohort.release import LABELS, SEXES, usable_id, wav_paths
from bulbar.core.files import read_table, write_table
from tests import releases
from tests.fuzz import Target
from tests.fuzz.damage import spoilt, spoilt_members

_TEXTS = ["", "-", " - ", "1,5", "1.5", "1.5.2", "1,000.5", "1e999", "nan", "inf", "-0", "1_000", "１２", "²", "None"]
_TEXTS += ["M ", "m", "Male", "F", "ALS", "HC", "als", "CT001", " CT001", "PZ001", "../x", "a/b", "con", "x" * 300]
_TEXTS += ["=1+1", "=A1", "#REF!", "#DIV/0!", "_x0000_", "_x0041_", "\n", "\t", "\u00a0", "\u200b", "é", "008"]
_TIMES = st.dates() | st.datetimes() | st.times() | st.timedeltas(datetime.timedelta(-9999), datetime.timedelta(9999))
_WRITABLE = st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"])
CELLS = (
    st.none()
    | st.sampled_from(_TEXTS)
    | st.text(_WRITABLE, max_size=12)
    | st.integers()
    | st.sampled_from([0, 1, -1, 10**15, 10**400, 1 << 63])
    | st.floats()
    | st.booleans()
    | _TIMES
)


@st.composite
def sheets(draw: st.DrawFn, rows: list[list[Any]], header: int) -> list[list[Any]]:
    """A sound sheet with one to eight cells, rows or columns changed. header: the place of the row of names, from 0."""
    changed = [list(row) for row in rows]
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(["cell", "cell", "cell", "cell", "name", "row", "column", "swap", "drop", "twice"]))
        row = draw(st.integers(header + 1, len(changed) - 1)) if len(changed) > header + 1 else header
        column = draw(st.integers(0, max(len(changed[header]) - 1, 0)))
        match kind:
            case "cell" if column < len(changed[row]):
                changed[row][column] = draw(CELLS)
            case "name" if column < len(changed[header]):
                changed[header][column] = draw(CELLS)
            case "row":
                changed.insert(row, draw(st.lists(CELLS, max_size=5)))
            case "column":
                for cells in changed:
                    cells.insert(column, draw(st.none() | st.sampled_from(_TEXTS)))
            case "swap":
                for cells in changed:
                    cells[:2] = reversed(cells[:2])
            case "drop":
                for cells in changed:
                    del cells[column : column + 1]
            case "twice":
                changed.append(list(changed[row]))
    return changed


def workbook(sheet_name: str, rows: list[list[Any]]) -> bytes:
    """A workbook of one sheet."""
    book = openpyxl.Workbook()
    book.active.title = sheet_name
    for at, row in enumerate(rows, start=1):
        for column, value in enumerate(row, start=1):
            huge = isinstance(value, int) and abs(value) > 10**300  # the writer cannot; `damage` writes such numbers
            book.active.cell(at, column, str(value) if huge else value)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def rows_of(path: Path, sheet: str | None = None) -> list[list[Any]]:
    """A sheet's cells."""
    book = openpyxl.load_workbook(path)
    chosen = book[sheet] if sheet else book.worksheets[0]
    return [list(row) for row in chosen.iter_rows(values_only=True) if any(cell is not None for cell in row)]


@lru_cache
def _made() -> tuple[Path, Path]:
    """A small release of each kind, written once; not cleaned away before the process ends."""
    place = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    voc_als_root = releases.write_voc_als(place / "voc_als", tasks=["A"], duration_s=0.6)
    return voc_als_root, releases.write_minsk2020(place / "minsk")


VOC_ALS, MINSK = _made()
DATA = rows_of(VOC_ALS / "VOC-ALS.xlsx", "VOC-ALS_Data")
GROUPS = {label: rows_of(MINSK / f"{label}_table.xlsx") for label in LABELS}
FOUND = {
    root: {path: recording.inspect(path, root, min_duration_s=0.5) for path in wav_paths(root)}
    for root in (VOC_ALS, MINSK)
}


def check_release(release: Release, root: Path, folder: Path) -> None:
    """What the reader made of a workbook, through ingest's checks and preprocess_clinical's tables."""
    for fault in release.faults:
        assert fault.problem.expected
        assert fault.problem.found
    found = [FOUND[root][file.path] for file in release.files]
    cohort = check.cohort_of(release, found, quarantine=True)
    subjects = cohort.subjects
    assert all(map(usable_id, subjects["subject_id"]))
    assert not subjects["subject_id"].duplicated().any()
    assert set(subjects["label"]) == set(LABELS)
    assert set(subjects["sex"]) <= set(SEXES)
    assert set(cohort.recordings["subject_id"]) == set(subjects["subject_id"])
    for name, kind in release.clinical.items():
        if kind == "numeric":
            assert not subjects[name].map(math.isinf).any()
    check.summary(release, cohort)
    write_table(subjects, folder / "subjects.csv")
    again = read_table(folder / "subjects.csv", **clinical.dtypes(release.clinical))
    assert again["subject_id"].tolist() == subjects["subject_id"].tolist()
    table = clinical.typed(again, release.clinical)
    matrix = clinical.encoder(release.clinical, "record_wise").fit_transform(table)
    values = matrix.to_numpy(dtype=float)
    assert ((values >= -1e-9) & (values <= 1 + 1e-9)).all()  # the scaler rounds


def with_books(sound: Path, root: Path, books: dict[str, bytes]) -> Path:
    """A copy of a release with these workbooks."""
    if not root.exists():
        shutil.copytree(sound, root)
    for name, book in books.items():
        (root / name).write_bytes(book)
    return root


def check_voc_als(book: bytes, folder: Path) -> None:
    """A VOC-ALS release with this workbook."""
    check_release(voc_als.read(with_books(VOC_ALS, folder / "voc_als", {"VOC-ALS.xlsx": book})), VOC_ALS, folder)


def check_minsk2020(books: tuple[bytes, bytes], folder: Path) -> None:
    """A Minsk2020 release with these two workbooks."""
    named = {f"{label}_table.xlsx": book for label, book in zip(LABELS, books, strict=True)}
    check_release(minsk2020.read(with_books(MINSK, folder / "minsk", named)), MINSK, folder)


def check_cells(rows: list[list[Any]], folder: Path) -> None:
    """VOC-ALS with these cells."""
    check_voc_als(workbook("VOC-ALS_Data", rows), folder)


def check_groups(rows: tuple[list[list[Any]], list[list[Any]]], folder: Path) -> None:
    """Minsk2020 with these cells."""
    patients, controls = (workbook("Sheet", of_group) for of_group in rows)
    check_minsk2020((patients, controls), folder)


def check_numbers(ages: list[float], folder: Path) -> None:
    """Numbers come back as they were written, to the digits that a cell keeps."""
    rows = [list(row) for row in DATA]
    age = DATA[1].index("Age (years)")
    for row, value in zip(rows[2:], ages, strict=True):
        row[age] = value
    release = voc_als.read(with_books(VOC_ALS, folder / "voc_als", {"VOC-ALS.xlsx": workbook("VOC-ALS_Data", rows)}))
    assert not release.faults
    assert not release.structural
    assert all(
        math.isclose(one, other, rel_tol=1e-14) for one, other in zip(release.subjects["age_years"], ages, strict=True)
    )


SOUND = (VOC_ALS / "VOC-ALS.xlsx").read_bytes()
SOUND_GROUPS = tuple((MINSK / f"{label}_table.xlsx").read_bytes() for label in LABELS)

TARGETS = [
    Target(
        "workbooks, numbers", st.lists(st.floats(1, 120), min_size=len(DATA) - 2, max_size=len(DATA) - 2), check_numbers
    ),
    Target("workbooks, VOC-ALS cells", sheets(DATA, 1), check_cells),
    Target("workbooks, Minsk2020 cells", st.tuples(*(sheets(GROUPS[label], 0) for label in LABELS)), check_groups),
    Target("workbooks, bytes", spoilt(SOUND), check_voc_als),
    Target("workbooks, members", spoilt_members(SOUND), check_voc_als),
    Target(
        "workbooks, Minsk2020 members",
        st.tuples(spoilt_members(SOUND_GROUPS[0]), st.just(SOUND_GROUPS[1])),
        check_minsk2020,
    ),
]
