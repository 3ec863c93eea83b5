"""Names of the study: tasks, protocols, models, a cell of Table 4 and its columns."""

from typing import Literal, NamedTuple, get_args

Task = Literal["A", "E", "I", "O", "U", "KA", "PA", "TA"]
TASKS: tuple[Task, ...] = get_args(Task)
"""Spoken tasks: five sustained vowels, then three syllables repeated in a train."""

VOWELS, SYLLABLES = TASKS[:5], TASKS[5:]

Protocol = Literal["record_wise", "subject_wise"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
"""How recordings are split, imputed and selected: as in the paper, and by subject."""

MODELS = ("audio", "clinical_common", "fused_common", "clinical_all", "fused_all")
"""The models of the ALS study."""

FUSED = {"record_wise": "fused_all", "subject_wise": "fused_common"}
"""The fused model that each protocol reports."""


class Cell(NamedTuple):
    """One architecture at one dropout rate."""

    architecture: str
    dropout_rate: float

    def __str__(self) -> str:
        return f"{self.architecture}_{self.dropout_rate}"


CELL_COLUMNS = ["architecture", "dropout_rate"]
