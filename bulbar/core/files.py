"""Tables, metrics, figures and feature arrays, read and written in one way: CSV, JSON, PNG, NPY."""

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from PIL import Image

from bulbar.core.atomic_write import atomic_path, write_bytes, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    with atomic_path(path) as partial:
        frame.to_csv(partial, index=False, lineterminator="\n")


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
    with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as table:
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
    with matplotlib_defaults():
        figure.savefig(drawn, format="png", dpi=120)
    Image.open(drawn).convert("RGB").quantize(256).save(small, "PNG", optimize=True)  # git keeps every version
    write_bytes(small.getvalue(), path)
    figure.clear()  # a Figure outside pyplot needs no closing; this frees what it drew


@contextmanager
def matplotlib_defaults() -> Iterator[None]:
    """matplotlib's own defaults, whatever the user's matplotlibrc says: saving reads settings, too."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        yield


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
        self._file = self._closing.enter_context(self._closing.enter_context(atomic_path(path)).open("wb"))
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
