"""Recordings to mel images: a plain librosa script against the stages preprocess_audio and mel_spectrogram.

`python -m benchmarks.front_end [--recordings N] [--turns N]` prints a table. Both read the same made-up recordings of
14 s at 8 kHz and write the same array of images; start-up, tables and figures of the stages are counted.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import recordings
from benchmarks.measuring import in_turns, machine, progress, ratios, run_module, spread, table

STAGES = ("preprocess_audio", "mel_spectrogram")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=1200)
    parser.add_argument("--duration", type=float, default=14.0, help="seconds of each recording")
    parser.add_argument("--workers", type=int, help="of the stages; one for each core by default")
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        progress(f"writing {args.recordings} recordings")
        recordings.write_project(folder, args.recordings, args.duration, args.workers)
        script = ("benchmarks.plain.librosa_script", folder / "release", folder / "plain.npy")
        contenders = {
            "librosa script": lambda: [run_module(*script)],
            "two stages": lambda: [run_module(f"stages.{stage}", "main", folder=folder) for stage in STAGES],
        }
        found = in_turns(contenders, args.turns)
        plain, ours = (np.load(path) for path in (folder / "plain.npy", folder / "data/features/images.npy"))
    seconds = {name: [sum(run.seconds for run in runs) for runs in turns] for name, turns in found.items()}
    rows = []
    for name, taken in seconds.items():
        pace = spread([args.recordings / one for one in taken])
        rows.append((name, spread(taken), pace, spread(ratios(seconds["librosa script"], taken), 2)))
    print(machine("librosa", "numpy", "scipy", "soxr", "joblib"))
    rate = recordings.SAMPLE_RATE_HZ
    print(f"\n{args.recordings} recordings of {args.duration:g} s at {rate} Hz, {args.turns} turns\n")
    print(table(["contender", "seconds", "recordings a second", "times as fast as the script"], rows))
    print(f"\nLargest difference of an image value in [0, 1]: {np.abs(plain - ours).max():.2g}")


if __name__ == "__main__":
    main()
