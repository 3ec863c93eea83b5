"""The highest frequency that each recording carries, as the stages measured it that look for what lies above."""

from functools import partial

import pandas as pd

from bulbar.core.files import read_table
from bulbar.features import audio
from stages.parts.params import settings
from stages.parts.places import stage_folder


def bandwidths(role: str) -> pd.Series:
    """The measured bandwidth of each recording, hertz, by recording_id; where the pipeline low-passed it to less, that.

    Measured on the released file: what was upsampled or coded with loss before its release carries less than half its
    sampling rate.
    """
    measured = read_table(stage_folder("conditions", role) / "recordings.csv", recording_id=str)
    low_passed = partial(audio.highest_hz, low_pass_hz=settings("audio", audio.Settings).bandwidth_hz)
    return measured.set_index("recording_id")["bandwidth_hz"].map(low_passed)
