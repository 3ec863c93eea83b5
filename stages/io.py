"""What every stage reads and writes in the same way: params.yaml, tables, metrics, feature arrays."""

import csv
import io
import json
import math
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bulbar.aside import no_room, tell_of_disk, write_bytes, write_text, written_aside
from bulbar.errors import BadInput, CannotGoOn, Problem
from bulbar.settings import Strict, classes_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Model = TypeVar("Model", bound=BaseModel)

WALL_TIMES = Path("logs/wall_times.csv")


def params() -> dict[str, Any]:
    """All of params.yaml, read as DVC reads it (YAML 1.2).

    Raises BadInput where it is not there, not YAML, or holds something else than named settings.
    """
    path = Path("params.yaml")
    try:
        found = _parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        remedy = "run this where it lies: at the root of the project, or in gender/"
        raise BadInput([Problem(str(path), "the settings of the pipeline", "no such file", remedy)]) from None
    except (YAMLError, OSError, ValueError, RecursionError) as error:
        told, remedy = _of_yaml(error), "correct the line; the repository's own params.yaml shows how each is written"
        raise BadInput([Problem(str(path), "YAML that can be read, each key once", told, remedy)]) from None
    if not isinstance(found, dict):
        told = "an empty file" if found is None else f"a {type(found).__name__}"
        remedy = "restore it: git checkout params.yaml"
        raise BadInput([Problem(str(path), "blocks of settings, like `seed: 2025`", told, remedy)])
    return found


def _of_yaml(error: Exception) -> str:
    """What a reader of YAML stumbled on, and in which line."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return " ".join(f"{where}{problem or error or type(error).__name__}".split())[:300]


@lru_cache(maxsize=1)
def _parsed(text: str) -> Any:
    """A stage asks for several blocks, and reading one takes as long as reading all."""
    return YAML(typ="safe").load(text)


def pinned_versions() -> dict[str, str]:
    """Package -> version, of requirements.txt."""
    lines = Path("requirements.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if "==" in line]
    return {name: version for name, version in pairs}


def settings(block: str, model: type[Model]) -> Model:
    """One block of params.yaml, checked: an unknown key or an impossible value is named before any work starts.

    block: `audio`, or one inside another, `external.cohort`.
    """
    found: Any = params()
    for name in block.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return _checked(found, model, f"params.yaml: {block}")


def _checked(found: Any, model: type[Model], where: str) -> Model:
    """`found` as a model; each key that the model refuses is a problem of its own."""
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise BadInput(refusals(error, where)) from None


def refusals(error: ValidationError, where: str) -> list[Problem]:
    """A problem for each key that a model refuses, and for each rule between keys of a block that is broken.

    where: the block, as `params.yaml: audio`.
    """
    faults = error.errors()
    bad_entries = {fault["loc"][:-1] for fault in faults}  # of a list, which is then said to be too short as well
    return [
        Problem(
            where=".".join([where, *map(str, fault["loc"])]).replace(":.", ": ", 1),
            expected=_EXPECTED.get(fault["type"]) or re.sub("^(Value error, |Input should be )", "", fault["msg"]),
            found=_found(fault["type"], fault["input"], fault["msg"]),
            remedy="correct the key in params.yaml, or in -S on the command line",
        )
        for fault in faults
        if fault["type"] != "too_short" or fault["loc"] not in bad_entries
    ]


_EXPECTED = {
    "missing": "a value for this key",
    "extra_forbidden": "no such key: nothing reads it",
    "model_type": "a block of settings",
    "tuple_type": "a list",
    "path_type": "the path of a file or folder, as a text",
}


def _found(kind: str, given: Any, message: str) -> str:
    if kind == "missing" or (kind == "model_type" and given is None):
        return "nothing"
    if kind == "value_error" and isinstance(given, Mapping):  # a rule between keys: those that it speaks of
        spoken_of = {key: value for key, value in given.items() if str(key) in message}
        return ", ".join(f"{key}: {value}" for key, value in spoken_of.items()) or str(dict(given))[:300]
    return repr(given)[:300]


class SeedSettings(Strict):
    """What stands at the top of every pipeline's params.yaml and is no stage's own."""

    model_config = ConfigDict(extra="ignore")

    seed: NonNegativeInt


class StudySettings(SeedSettings):
    """What stands at the top of the ALS pipeline's params.yaml."""

    positive_class: Literal["ALS", "HC"]

    @property
    def classes(self) -> tuple[str, str]:
        """The classes of labels 0 and 1."""
        return classes_of(self.positive_class)


def study_seed() -> int:
    """`seed` of params.yaml, checked."""
    return _checked(params(), SeedSettings, "params.yaml:").seed


def study_settings() -> StudySettings:
    """`seed` and `positive_class` of params.yaml, checked."""
    return _checked(params(), StudySettings, "params.yaml:")


def run(stage: Callable[..., None], *arguments: str) -> None:
    """Run a stage's main; what is wrong with the user's input is printed without a traceback, exit code 1.

    The seconds that it took go to logs/wall_times.csv, which git ignores: no out holds a time.
    """
    given = arguments or tuple(sys.argv[1:])
    started = time.perf_counter()
    try:
        with _disk_told():
            stage(*given)
    except BadInput as error:
        print(error, file=sys.stderr)
        if not isinstance(error, CannotGoOn):
            print(f"\n{len(error.problems)} problem(s): nothing was done.", file=sys.stderr)
        sys.exit(1)
    seconds = time.perf_counter() - started
    name = Path(sys.modules[stage.__module__].__file__ or "").stem
    with suppress(OSError), _made(WALL_TIMES).open("a", encoding="utf-8") as log:  # a full disk fails no finished stage
        log.write(f"{' '.join([name, *given])},{seconds:.1f}\n")


@contextmanager
def _disk_told() -> Iterator[None]:
    """A full disk is told in our words where another's code met it: DVCLive's, or joblib's."""
    try:
        yield
    except OSError as error:
        tell_of_disk(error, Path(error.filename or tempfile.gettempdir()))
        raise
    except sqlite3.OperationalError as error:  # DVCLive opens DVC's database
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            no_room(Path(".dvc"), "room for DVC's database")
        raise


def room(name: str, role: str = "main") -> Path:
    """The folder of one stage's data for a cohort: data/NAME for the main one, data/ROLE/NAME for another."""
    return Path("data") / name if role == "main" else Path("data") / role / name


def cohort_block(role: str = "main") -> str:
    """The block of params.yaml that says whose release a role reads: `cohort`, or `cohort` inside the role's own."""
    return "cohort" if role == "main" else f"{role}.cohort"


def cohort_in_words(role: str = "main") -> str:
    """What every figure says of whose voices it shows: `synthetic cohort`, or `minsk2020 cohort`."""
    described = read_json(room("cohort", role) / "cohort.json")
    return "synthetic cohort" if described["synthetic"] else f"{described['source']} cohort"


def metrics_file(name: str, role: str = "main") -> Path:
    """One stage's metrics for a cohort: metrics/NAME.json for the main one, metrics/ROLE/NAME.json for another."""
    return (Path("metrics") if role == "main" else Path("metrics") / role) / f"{name}.json"


def _made(path: str | Path) -> Path:
    """The path, its folder made."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return Path(path)


_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
"""How a cell begins that a spreadsheet would compute, with what keeps it from that: `'`."""


def inert(cell: Any) -> Any:
    """A cell as our CSV tables hold it: a string that a spreadsheet would compute has `'` before it, numbers have not.

    Releases are written by others, and people open tables in spreadsheets. `as_it_was` takes the mark off again.
    """
    if not isinstance(cell, str) or not _FORMULA.match(cell):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def as_it_was(cell: Any) -> Any:
    """A cell of a CSV table of ours without the mark of `inert`."""
    return cell[1:] if isinstance(cell, str) and cell[:1] == "'" and _FORMULA.match(cell) else cell


def _strings(frame: pd.DataFrame) -> list[Any]:
    """The columns that may hold strings."""
    return [name for name, kind in frame.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]


def read_table(path: str | Path, **dtypes: Any) -> pd.DataFrame:
    """A CSV table of ours. Empty means not recorded; nothing else does: the therapy `None` stays a string."""
    table = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=dtypes or None)
    for name in _strings(table):
        marked = table[name].str.startswith("'", na=False)
        if marked.any():
            table.loc[marked, name] = table.loc[marked, name].map(as_it_was)
    return table


def write_table(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table as CSV, the same bytes for the same rows, every cell inert; its folder is made."""
    frame = frame.copy(deep=False)
    for name in _strings(frame):
        frame[name] = frame[name].map(inert, na_action="ignore")
    with written_aside(path) as aside:
        frame.to_csv(aside, index=False, lineterminator="\n")


def read_rows(path: str | Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV table one after another, as strings: for tables too long to hold."""
    with Path(path).open(newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table):
            yield {name: as_it_was(cell) for name, cell in row.items()}


def count_rows(path: str | Path) -> int:
    """How many rows a CSV table has, its header left out."""
    return sum(1 for _ in read_rows(path))


class _InertRows(csv.DictWriter):
    def writerow(self, row: Mapping[str, Any]) -> Any:
        return super().writerow({name: inert(cell) for name, cell in row.items()})


@contextmanager
def rows_writer(path: str | Path, columns: Iterable[str]) -> Iterator["csv.DictWriter[str]"]:
    """A writer of CSV rows one after another, every cell inert; its folder is made."""
    with written_aside(path) as aside, aside.open("w", newline="", encoding="utf-8") as table:
        writer = _InertRows(table, fieldnames=list(columns), lineterminator="\n")
        writer.writeheader()
        yield writer


def read_json(path: str | Path) -> Any:
    """A JSON file's content."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_json(content: Mapping[str, Any], path: str | Path) -> None:
    """Write JSON with numbers rounded to 4 digits, in the given order; its folder is made. NaN becomes null."""
    text = json.dumps(_rounded(content), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(text + "\n", path)


def save(figure: "Figure", path: str | Path) -> None:
    """Write a figure as PNG of 256 colours, the same bytes for the same figure; its folder is made."""
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=120)
    Image.open(drawn).convert("RGB").quantize(256).save(small, "PNG", optimize=True)  # git keeps every version
    write_bytes(small.getvalue(), path)
    figure.clear()  # a Figure outside pyplot needs no closing; this frees what it drew


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value


class FeaturesWriter:
    """Writes feature rows one after another into one `.npy` array (row, mel, frame) of float32.

    The number of rows need not be known before: the header, which NumPy pads for it, is written again at the end.
    """

    def __init__(self, path: str | Path, row_shape: tuple[int, int]) -> None:
        self._row_shape = row_shape
        self._rows = 0
        self._closing = ExitStack()
        self._file = self._closing.enter_context(self._closing.enter_context(written_aside(path)).open("wb"))
        self._write_header()

    def _write_header(self) -> None:
        shape = (self._rows, *self._row_shape)
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype("<f4")), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)

    def append(self, rows: np.ndarray) -> None:
        """Append rows, shape (n, mel, frame)."""
        if rows.shape[1:] != self._row_shape:
            raise ValueError(f"rows of {self._row_shape} expected, got {rows.shape[1:]}")
        self._file.write(np.ascontiguousarray(rows, dtype="<f4").tobytes())
        self._rows += len(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._closing:
            if error is not None:
                raise error
            self._file.seek(0)
            self._write_header()
