"""What is wrong with a recording, silence removed: whether enough of it is left."""

from dataclasses import replace
from pathlib import Path

from bulbar.cohort import recording
from bulbar.core.errors import Problem, SilentRecording
from bulbar.features import audio


def inspect(path: str, root: Path, settings: audio.Settings) -> recording.Inspection:
    """`recording.inspect`, and of a recording with nothing else wrong, whether silence removal leaves enough of it.

    path: relative to `root`, and how the recording is called in problems. settings: the pipeline's; of a bad recording
    less than `min_duration_s` is there, or left. A recording that is read through without a fault is cleaned as a
    whole, as `preprocess_audio` does, so no more memory is needed than there.
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
