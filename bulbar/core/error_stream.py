"""The error stream of this process, beneath Python: what native libraries write there goes past every log level."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silenced() -> Iterator[None]:
    """Keep what is written to the error stream off the terminal, such as what TensorFlow prints of its build."""
    sys.stderr.flush()
    error_stream = os.dup(2)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, no path of ours
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(error_stream, 2)
            os.close(error_stream)
