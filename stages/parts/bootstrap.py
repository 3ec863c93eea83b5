"""How a stage draws its confidence intervals."""

from functools import reduce
from typing import Any

from bulbar.core.digests import seed_of
from bulbar.scoring import intervals
from stages.parts.params import settings, study_seed


def drawing(*names: str) -> dict[str, Any]:
    """Draws and level of the block `bootstrap`, and the seed that the study's seed and the names give."""
    return settings("bootstrap", intervals.Settings).model_dump() | {"seed": reduce(seed_of, names, study_seed())}
