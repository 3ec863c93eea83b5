"""Names of the study: a cell of Table 4, its columns, the fused model that each protocol reports."""

from typing import NamedTuple


class Cell(NamedTuple):
    """One architecture at one dropout rate."""

    architecture: str
    dropout_rate: float

    def __str__(self) -> str:
        return f"{self.architecture}_{self.dropout_rate}"


CELL_COLUMNS = ["architecture", "dropout_rate"]

FUSED = {"record_wise": "fused_all", "subject_wise": "fused_common"}
"""The fused model that each protocol reports."""
