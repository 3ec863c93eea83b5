"""A cell of Table 4: what the sweep fits, the selection picks and the tables are laid out by."""

from typing import NamedTuple


class Cell(NamedTuple):
    """One architecture at one dropout rate."""

    architecture: str
    dropout_rate: float

    def __str__(self) -> str:
        return f"{self.architecture}_{self.dropout_rate}"
