"""Time per recording and peak memory of preprocess_audio and mel_spectrogram as the recordings become more.

`python -m benchmarks.scaling [--recordings N] [--times 1 2 4 8]` prints a table. Both should stay flat: what grows
with the work only by its start-up falls per recording. Memory is that of the stage and its workers together; a page
that several share counts once.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks import recordings
from benchmarks.front_end import STAGES
from benchmarks.measuring import Run, in_turns, machine, run_module, say, spread, table


def both_stages(folder: Path) -> dict[str, Run]:
    """Run the two stages in a project folder, their memory watched."""
    return {stage: run_module(f"stages.{stage}", "main", folder=folder, watch_memory=True) for stage in STAGES}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=150, help="of the smallest size")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--duration", type=float, default=14.0, help="seconds of each recording")
    parser.add_argument("--workers", type=int, help="one for each core where not given")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    sizes = [times * given.recordings for times in given.times]
    with tempfile.TemporaryDirectory() as place:
        folders = {size: Path(place) / str(size) for size in sizes}
        for size, folder in folders.items():
            say(f"writing {size} recordings")
            recordings.write_project(folder, size, given.duration, given.workers)
        contenders = {str(size): lambda folder=folder: both_stages(folder) for size, folder in folders.items()}
        found = in_turns(contenders, given.turns)
    rows = []
    for stage in STAGES:
        for size in sizes:
            runs = [turn[stage] for turn in found[str(size)]]
            per_recording = spread([1000 * run.seconds / size for run in runs])
            peaks = [run.peak_bytes / 1e6 for run in runs if run.peak_bytes]
            seconds = spread([run.seconds for run in runs])
            rows.append((stage, size, seconds, per_recording, spread(peaks, 0) if peaks else "not measured"))
    print(machine("soxr", "numpy", "scipy", "joblib"))
    rate = recordings.SAMPLE_RATE_HZ
    print(f"\nRecordings of {given.duration:g} s at {rate} Hz, {given.turns} turns, start-up included\n")
    print(table(["stage", "recordings", "seconds", "milliseconds a recording", "peak memory, MB"], rows))


if __name__ == "__main__":
    main()
