"""Read and write tables, metrics, figures and feature arrays: CSV, JSON, PNG, NPY."""

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


DPI = 120
"""Resolution of saved figures."""

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
"""Start of a cell that a spreadsheet program would compute, possibly after the mark `'`, which prevents that."""


def inert(cell: Any) -> Any:
    """Mark a string that a spreadsheet program would compute with a leading `'`; numbers stay unchanged.

    Texts of a release come from other people, and users open tables in spreadsheets. `as_it_was` removes the mark.

    Examples
    --------
    >>> inert("=1+1"), inert("-3.5"), inert("ALS")
    ("'=1+1", '-3.5', 'ALS')
    """
    if not isinstance(cell, str) or not _FORMULA.match(cell):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def as_it_was(cell: Any) -> Any:
    """A cell without the mark of `inert`."""
    return cell[1:] if isinstance(cell, str) and cell[:1] == "'" and _FORMULA.match(cell) else cell


def _strings(frame: pd.DataFrame) -> list[Any]:
    """The columns that may contain strings."""
    return [name for name, kind in frame.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]


def read_table(path: str | Path, **dtypes: Any) -> pd.DataFrame:
    """Read a CSV table written by `write_table`.

    Parameters
    ----------
    path : str or Path
        The file.
    **dtypes : type
        Column -> type. Other types are inferred.

    Returns
    -------
    DataFrame
        Only an empty cell is missing: the therapy `None` stays a string.
    """
    table = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=dtypes or None)
    for name in _strings(table):
        marked = table[name].str.startswith("'", na=False)
        if marked.any():
            table.loc[marked, name] = table.loc[marked, name].map(as_it_was)
    return table


def write_table(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table as CSV: the same bytes for the same rows, every cell `inert`, without the index.

    Parameters
    ----------
    frame : DataFrame
        The table.
    path : str or Path
        The file. Its folder is created if necessary.
    """
    frame = frame.copy(deep=False)
    for name in _strings(frame):
        frame[name] = frame[name].map(inert, na_action="ignore")
    with atomic_path(path) as partial:
        frame.to_csv(partial, index=False, lineterminator="\n")


def read_rows(path: str | Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV table as strings, for tables that do not fit into memory."""
    with Path(path).open(newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table):
            yield {name: as_it_was(cell) for name, cell in row.items()}


def count_rows(path: str | Path) -> int:
    """Number of rows of a CSV table, without its header."""
    return sum(1 for _ in read_rows(path))


class _InertRows(csv.DictWriter):
    def writerow(self, row: Mapping[str, Any]) -> Any:
        return super().writerow({name: inert(cell) for name, cell in row.items()})


@contextmanager
def rows_writer(path: str | Path, columns: Iterable[str]) -> Iterator["csv.DictWriter[str]"]:
    """A writer for CSV rows, one at a time, every cell `inert`; the folder is created if necessary."""
    with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as table:
        writer = _InertRows(table, fieldnames=list(columns), lineterminator="\n")
        writer.writeheader()
        yield writer


def read_json(path: str | Path) -> Any:
    """The content of a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_json(content: Mapping[str, Any], path: str | Path) -> None:
    """Write JSON in the given order.

    Parameters
    ----------
    content : mapping
        Floats are rounded to 4 digits; NaN and infinity become null.
    path : str or Path
        The file. Its folder is created if necessary.
    """
    text = json.dumps(_rounded(content), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(text + "\n", path)


def save(figure: "Figure", path: str | Path) -> None:
    """Write a figure as PNG with 256 colours: the same bytes for the same figure. Its folder is created."""
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.set_dpi(DPI)  # of `get_width_height`; raw pixels are not encoded and decoded once more
    with matplotlib_defaults():
        figure.savefig(drawn, format="rgba", dpi=DPI)
    pixels = Image.frombytes("RGBA", figure.canvas.get_width_height(), drawn.getvalue())
    pixels.convert("RGB").quantize(256).save(small, "PNG", optimize=True)  # git keeps every version
    write_bytes(small.getvalue(), path)
    figure.clear()  # frees memory; a Figure outside pyplot needs no closing


@contextmanager
def matplotlib_defaults() -> Iterator[None]:
    """Use matplotlib's own defaults instead of the user's matplotlibrc, because saving also reads settings."""
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
    """Writes feature rows one at a time into one `.npy` array, shape (row, mel, frame), float32.

    The number of rows need not be known in advance: the header, which NumPy pads, is written again at the end.

    Parameters
    ----------
    path : str or Path
        The file. Its folder is created if necessary.
    row_shape : tuple of int
        (mel, frame).
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
