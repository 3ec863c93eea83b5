"""The error stream of this process at the level of the system: native libraries write to it and ignore log levels."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silenced() -> Iterator[None]:
    """Hide everything written to the error stream, such as TensorFlow's messages about its build."""
    sys.stderr.flush()
    error_stream = os.dup(2)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, not a file
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(error_stream, 2)
            os.close(error_stream)
