"""What a file of ours imports."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path


@cache
def imports_of(file: Path) -> tuple[str, ...]:
    """Every module that a file imports, anywhere in it; `from a import b` as `a.b`. Imports are absolute."""
    return tuple(_imports_of(file))


def _imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
