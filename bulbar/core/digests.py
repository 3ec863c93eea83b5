"""Digests of what shapes a result: files, arrays, and code without what changes nothing. Seeds are digests of names."""

import ast
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np


def seed_of(seed: int, name: str) -> int:
    """A 32-bit seed derived from the study's seed and from the name of what draws: adding one draw moves no other."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:4], "big")


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def array_digest(array: np.ndarray) -> str:
    """SHA-256 of an array's shape and bytes."""
    return hashlib.sha256(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes()).hexdigest()


def code_digest(*paths: str | Path) -> str:
    """SHA-256 of Python modules as parsed, without docstrings, comments, layout and import statements.

    Moving an import or rewording a docstring changes no digest; any other edit does. The same under every Python
    version that parses the code alike: fields that a version adds are empty here, and empty fields are left out.
    """
    parsed = [_as_lists(ast.parse(Path(path).read_bytes())) for path in paths]
    return hashlib.sha256(json.dumps(parsed).encode()).hexdigest()


def _as_lists(node: Any) -> Any:
    """A syntax tree as nested lists, without what changes no result."""
    if isinstance(node, ast.AST):
        fields = [[name, _as_lists(value)] for name, value in ast.iter_fields(node)]
        return [type(node).__name__, *(field for field in fields if field[1] not in (None, []))]
    if isinstance(node, list):
        return [_as_lists(each) for each in node if not _changes_nothing(each)]
    return None if node is None else repr(node)


def _changes_nothing(node: Any) -> bool:
    """Whether a statement is an import or a text by itself, such as a docstring."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node, ast.Import | ast.ImportFrom)
