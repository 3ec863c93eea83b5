"""What every block of params.yaml has in common, and every file of settings that bulbar reads back."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MOST = 1_000_000
"""Beyond it a number of things is a slip, which else would be noticed when the memory or days are gone."""

Count = Annotated[int, Field(ge=1, le=MOST)]
"""How many there are of something."""

Width = Annotated[int, Field(ge=1, le=4096)]
"""Filters, units or rows of a network or of its input."""

Depth = Annotated[int, Field(ge=1, le=16)]
"""Layers of a network, each with a pooling that halves what it sees."""

Bandwidth = Annotated[float, Field(ge=100)]
"""What a voice is low-passed to, hertz."""


def classes_of(positive: str) -> tuple[str, str]:
    """The classes of labels 0 and 1, where `positive`, ALS or HC, is the one whose probability the tables hold."""
    return ("HC", "ALS") if positive == "ALS" else ("ALS", "HC")


class Strict(BaseModel):
    """Settings in which an unknown key is refused, and a number that is infinite or none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
