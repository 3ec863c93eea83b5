"""Bandwidth of each recording, as measured by the stage `conditions`."""

from functools import partial

import pandas as pd

from bulbar.features import audio
from stages.parts.params import settings
from stages.parts.places import stage_table


def bandwidths() -> pd.Series:
    """Bandwidth of each recording in hertz, indexed by recording_id; limited by the pipeline's low-pass, if any.

    It is measured on the released file: upsampling or lossy coding before the release leaves less than half the
    sampling rate.
    """
    low_passed = partial(audio.highest_hz, low_pass_hz=settings("audio", audio.Settings).bandwidth_hz)
    measured = stage_table("conditions", "recordings.csv").set_index("recording_id")
    return measured["bandwidth_hz"].map(low_passed)
