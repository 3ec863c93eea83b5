"""Digests of what determines a result: files, arrays, code without comments and docstrings; and seeds from names."""

import ast
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np


def seed_of(seed: int, name: str) -> int:
    """A 32-bit seed from the study's seed and a name, so that adding a draw does not change other draws.

    Parameters
    ----------
    seed : int
        Seed of the study.
    name : str
        Name of the draw.

    Returns
    -------
    int in [0, 2**32)
        The first 32 bits of the SHA-256 of both.

    Examples
    --------
    >>> seed_of(2025, "folds/subject_wise") == seed_of(2025, "folds/record_wise")
    False
    """
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:4], "big")


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def array_digest(array: np.ndarray) -> str:
    """SHA-256 of an array's shape and bytes, as hexadecimal digits."""
    return hashlib.sha256(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes()).hexdigest()


def code_digest(*paths: str | Path) -> str:
    """SHA-256 of parsed Python modules, without docstrings, comments, layout and import statements.

    Parameters
    ----------
    *paths : str or Path
        Python files; their order counts.

    Returns
    -------
    str
        Hexadecimal digits. Moving an import or rewording a docstring does not change them; any other edit does. They
        are equal for all supported Python versions, because syntax-tree fields that a version adds are empty in this
        code, and empty fields are left out.
    """
    parsed = [_as_lists(ast.parse(Path(path).read_bytes())) for path in paths]
    return hashlib.sha256(json.dumps(parsed).encode()).hexdigest()


def _as_lists(node: Any) -> Any:
    """A syntax tree as nested lists, without statements that change no result."""
    if isinstance(node, ast.AST):
        fields = [[name, _as_lists(value)] for name, value in ast.iter_fields(node)]
        return [type(node).__name__, *(field for field in fields if field[1] not in (None, []))]
    if isinstance(node, list):
        return [_as_lists(each) for each in node if not _changes_nothing(each)]
    return None if node is None else repr(node)


def _changes_nothing(node: Any) -> bool:
    """Whether a statement is an import, or only a string, such as a docstring."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node, ast.Import | ast.ImportFrom)
