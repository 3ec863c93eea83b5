"""A digest of code changes with what the code does, and with nothing else."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from bulbar.core.digests import array_digest, code_digest, file_digest

CODE = '''"""What the module holds."""

import os
from json import dumps

RATE = 0.5
"""What the constant is."""


def scaled(value: float) -> float:
    """What the function does."""
    from math import pi

    return value * RATE * pi  # why


class Kept:
    """What the class holds."""
'''


def of(text: str, folder: Path) -> str:
    (folder / "module.py").write_text(text)
    return code_digest(folder / "module.py")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"""What the module holds."""', '"""Another text."""'),
        ('    """What the function does."""\n', ""),
        ('"""What the constant is."""', '"""What it is for."""'),
        ("  # why", ""),
        ("import os\n", ""),
        ("from json import dumps", "import pathlib\nfrom json import loads as read"),
        ("    from math import pi\n", "    from numpy import pi\n"),
        ("RATE * pi", "RATE  *  \\\n        pi"),
    ],
)
def test_docstrings_comments_layout_and_imports_change_no_digest(tmp_path, before, after):
    assert before in CODE
    assert of(CODE.replace(before, after), tmp_path) == of(CODE, tmp_path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("RATE = 0.5", "RATE = 0.25"),
        ("value * RATE", "value + RATE"),
        ("def scaled(value: float)", "def scaled(value: int)"),
        ("return value", "yield value"),
        ("class Kept", "class Lost"),
        ("* pi  # why", "# why"),
    ],
)
def test_any_other_edit_changes_it(tmp_path, before, after):
    assert before in CODE
    assert of(CODE.replace(before, after), tmp_path) != of(CODE, tmp_path)


def test_the_order_of_modules_counts(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "b.py").write_text("x = 2\n")
    assert code_digest(tmp_path / "a.py", tmp_path / "b.py") != code_digest(tmp_path / "b.py", tmp_path / "a.py")


def test_every_version_of_python_finds_the_same_digest(tmp_path):
    assert of(CODE, tmp_path) == "131cfa31efd5730a84ec306c045692c724d8164822576ae90ebb344a104a6090"


def test_a_file_and_an_array_have_the_sha_256_of_their_bytes(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_digest(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    array = np.arange(6, dtype="<i8").reshape(2, 3)
    assert array_digest(array) == hashlib.sha256(b"(2, 3)" + array.tobytes()).hexdigest()
    assert array_digest(array) != array_digest(array.reshape(3, 2))
    assert array_digest(array.T) != array_digest(array)
