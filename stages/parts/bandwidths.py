"""The highest frequency that each recording carries, as the stage `conditions` measured it."""

from functools import partial

import pandas as pd

from bulbar.features import audio
from stages.parts.params import settings
from stages.parts.places import stage_table


def bandwidths() -> pd.Series:
    """The measured bandwidth of each recording, hertz, by recording_id; where the pipeline low-passed it to less, that.

    Measured on the released file: what was upsampled or coded with loss before its release carries less than half its
    sampling rate.
    """
    low_passed = partial(audio.highest_hz, low_pass_hz=settings("audio", audio.Settings).bandwidth_hz)
    measured = stage_table("conditions", "recordings.csv").set_index("recording_id")
    return measured["bandwidth_hz"].map(low_passed)
