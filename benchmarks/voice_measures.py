"""Seconds of all voice measures, as a ratio of the seven by Praat's own commands.

`python -m benchmarks.voice_measures [--duration S] [--turns N]` prints a table: a synthetic vowel and a syllable train
at 8 kHz. Both run within one process, in turns, and processor seconds are taken: a process of its own would add imports
that the stage pays once. The seven by commands are what the stage `acoustic` measured before there were others.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import parselmouth
from parselmouth.praat import call

from benchmarks.measuring import in_turns, machine, ratios, spread, table
from bulbar.features import praat, voice_measures
from bulbar.phantom import voice

SETTINGS = praat.Settings()
NEIGHBOURS = (0.0001, 0.02, 1.3)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duration", type=float, default=13.6, help="seconds of each recording")
    parser.add_argument("--turns", type=int, default=9)
    args = parser.parse_args()
    rows = []
    for kind, samples in recordings(args.duration).items():
        train = kind == "train"
        contenders = {
            "seven, Praat's commands": lambda samples=samples, train=train: by_commands(samples, train=train),
            "seven, ours": lambda samples=samples, train=train: ours(praat, samples, train=train),
            f"all {len(voice_measures.MEASURES)}": lambda samples=samples, train=train: ours(
                voice_measures, samples, train=train
            ),
        }
        found = in_turns({name: lambda run=run: seconds(run) for name, run in contenders.items()}, args.turns)
        first = found["seven, Praat's commands"]
        rows += [(kind, name, spread(taken, 3), spread(ratios(taken, first), 2)) for name, taken in found.items()]
    print(machine("numpy", "scipy", "praat-parselmouth"))
    print(f"\n{args.duration:g} s at {voice.SAMPLE_RATE_HZ} Hz, {args.turns} turns\n")
    print(table(["recording", "measures", "processor seconds", "times the seven by Praat's commands"], rows))


def recordings(duration_s: float) -> dict[str, np.ndarray]:
    """A vowel and a train, with the noise of a room."""
    larynx, formants_hz = voice.Phonation(120.0), np.array(voice.FORMANTS_HZ["M"]["A"])
    draw = np.random.default_rng(1)
    uttered = {
        "vowel": voice.vowel(larynx, "A", formants_hz, duration_s, draw),
        "train": voice.syllables(larynx, voice.Train("PA"), formants_hz, duration_s, draw),
    }
    return {kind: each.samples + 1e-3 * draw.standard_normal(len(each.samples)) for kind, each in uttered.items()}


def seconds(run: Callable[[], object]) -> float:
    """Processor seconds of a call."""
    started = time.process_time()
    run()
    return time.process_time() - started


def ours(module: object, samples: np.ndarray, *, train: bool) -> dict[str, float]:
    """The measures of a module."""
    return module.measure(samples, voice.SAMPLE_RATE_HZ, SETTINGS, train=train)


def by_commands(samples: np.ndarray, *, train: bool) -> dict[str, float]:
    """The seven, each by Praat's own command."""
    sound = parselmouth.Sound(samples - samples.mean(), voice.SAMPLE_RATE_HZ)
    pitch = call(sound, "To Pitch", 0.0, 75, 500)
    cycles = call(sound, "To PointProcess (periodic, cc)", 75, 500)
    found = {
        "mean_f0_hz": call(pitch, "Get mean", 0, 0, "Hertz"),
        "sd_f0_hz": call(pitch, "Get standard deviation", 0, 0, "Hertz"),
        "hnr_db": call(call(sound, "To Harmonicity (cc)", 0.01, 75, 0.1, 1.0), "Get mean", 0, 0),
        "jitter_local": call(cycles, "Get jitter (local)", 0, 0, *NEIGHBOURS),
        "shimmer_local": call([sound, cycles], "Get shimmer (local)", 0, 0, *NEIGHBOURS, 1.6),
    }
    return found | (praat.rhythm(*praat.syllable_times(sound, pitch)) if train else {})


if __name__ == "__main__":
    main()
