"""Inspection of a recording for the pipeline: is enough left after silence removal?"""

from dataclasses import replace
from pathlib import Path

from bulbar.cohort import recording
from bulbar.core.errors import Problem, SilentRecording
from bulbar.features import audio


def inspect(path: str, root: Path, settings: audio.Settings) -> recording.Inspection:
    """Inspect a recording with `recording.inspect`; if it has no other problem, also check what silence removal leaves.

    Parameters
    ----------
    path : str
        Path relative to `root`; problems show it.
    root : Path
        Folder of the release.
    settings : audio.Settings
        The settings of the pipeline. A recording is bad if less than `min_duration_s` remains.

    Returns
    -------
    recording.Inspection

    Notes
    -----
    The recording is cleaned as a whole, as in `preprocess_audio`, so this needs no more memory than that stage.
    """
    found = recording.inspect(path, root, min_duration_s=settings.min_duration_s)
    if found.problems:
        return found
    try:
        left_s = len(audio.clean(root / path, settings)) / settings.sample_rate_hz
    except SilentRecording:
        left_s = 0.0
    if left_s >= settings.min_duration_s:
        return found
    problem = Problem(
        where=path,
        expected=f"at least {settings.min_duration_s:g} s left after silence removal"
        " (audio.min_duration_s, audio.top_db)",
        found=f"{left_s:.3f} s of {found.duration_s:.3f} s",
        remedy="record it again, take it out of the release, or lower audio.min_duration_s",
    )
    return replace(found, problems=(problem,))
