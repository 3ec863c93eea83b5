"""Zip archives (`.keras`, `.xlsx`) without the time of their writing, so that the same content is the same bytes."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bulbar.core.atomic_write import write_bytes

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive can hold


def fix_dates(path: str | Path, rewrite: Mapping[str, Callable[[bytes], bytes]]) -> None:
    """Rewrite a zip archive in place, as `dated_alike` makes it."""
    write_bytes(dated_alike(Path(path).read_bytes(), rewrite), path)


def dated_alike(archive: bytes, rewrite: Mapping[str, Callable[[bytes], bytes]]) -> bytes:
    """A zip archive with every member dated 1980-01-01, its order and compression kept.

    rewrite: for a member that holds a time in its content, what to make of that content.
    """
    whole = io.BytesIO()  # on a full disk `zipfile` leaves a traceback of its own when it is collected
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(whole, "w") as target:
        for member in source.infolist():
            content = source.read(member)
            dated = zipfile.ZipInfo(member.filename, _EPOCH)
            dated.compress_type = member.compress_type
            dated.external_attr = member.external_attr
            target.writestr(dated, rewrite.get(member.filename, bytes)(content))
    return whole.getvalue()
