"""Networks are traced once in a process: tracing one takes longer than its fits, which depend on no earlier fit."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bulbar.training import trainer


class _Trainers(dict[Any, trainer.Trainer]):
    """The trainers so far. A pipeline keeps the last one only, to save memory; those of tests are small."""

    def values(self) -> Any:
        return ()  # none is released

    def clear(self) -> None:
        pass


_TRAINERS = _Trainers()


@contextmanager
def once() -> Iterator[None]:
    """Fits use the networks that this process traced before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "_made", _TRAINERS)
        yield
