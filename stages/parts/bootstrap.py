"""Settings of the bootstrap intervals of a stage."""

from functools import reduce
from typing import Any

from bulbar.core.digests import seed_of
from bulbar.scoring import intervals
from stages.parts.params import settings, study_seed


def drawing(*names: str) -> dict[str, Any]:
    """Draws and level of the block `bootstrap`, and a seed derived from the study's seed and the names."""
    return settings("bootstrap", intervals.Settings).model_dump() | {"seed": reduce(seed_of, names, study_seed())}
