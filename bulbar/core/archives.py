"""ZIP archives (`.keras`, `.xlsx`) without time stamps, so that the same content has the same bytes."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bulbar.core.atomic_write import write_bytes

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time in a ZIP archive


def fix_dates(path: str | Path, rewrite: Mapping[str, Callable[[bytes], bytes]]) -> None:
    """Rewrite a ZIP archive in place with `dated_alike`."""
    write_bytes(dated_alike(Path(path).read_bytes(), rewrite), path)


def dated_alike(archive: bytes, rewrite: Mapping[str, Callable[[bytes], bytes]]) -> bytes:
    """A ZIP archive with every member dated 1980-01-01; order and compression stay.

    rewrite: member -> function that removes times from its content.
    """
    whole = io.BytesIO()  # in memory, because on a full disk `zipfile` prints its own traceback when it is deleted
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(whole, "w") as target:
        for member in source.infolist():
            content = source.read(member)
            dated = zipfile.ZipInfo(member.filename, _EPOCH)
            dated.compress_type = member.compress_type
            dated.external_attr = member.external_attr
            target.writestr(dated, rewrite.get(member.filename, bytes)(content))
    return whole.getvalue()
