"""Synthesised voices, and what Praat measures of them."""

from typing import Any

import numpy as np
import parselmouth
from parselmouth.praat import call

from bulbar.phantom import voice


def a_vowel(vowel: str = "A", sex: str = "M", seconds: float = 3.0, seed: int = 1, **larynx: Any) -> voice.Utterance:
    phonation = voice.Phonation(**{"f0_hz": voice.F0_HZ[sex][vowel], **larynx})
    return voice.vowel(phonation, vowel, np.array(voice.FORMANTS_HZ[sex][vowel]), seconds, np.random.default_rng(seed))


def a_train(
    place: str = "PA", seconds: float = 6.0, seed: int = 1, hnr_db: float = 20.0, **mouth: Any
) -> voice.Utterance:
    phonation, formants = voice.Phonation(120.0, hnr_db=hnr_db), np.array(voice.FORMANTS_HZ["M"]["A"])
    return voice.syllables(phonation, voice.Train(place, **mouth), formants, seconds, np.random.default_rng(seed))


def by_praat(samples: np.ndarray) -> dict[str, float]:
    """Mean and deviation of F0 (Hz), local jitter and shimmer, HNR (dB), at 8 kHz; pitch range 75 to 500 Hz."""
    sound = parselmouth.Sound(samples, voice.SAMPLE_RATE_HZ)
    pitch = sound.to_pitch(None, 75, 500)
    pulses = call([sound, pitch], "To PointProcess (cc)")
    harmonicity = sound.to_harmonicity_cc(0.01, 75, 0.1, 1.0).values
    return {
        "mean_f0_hz": call(pitch, "Get mean", 0, 0, "Hertz"),
        "sd_f0_hz": call(pitch, "Get standard deviation", 0, 0, "Hertz"),
        "jitter": call(pulses, "Get jitter (local)", 0, 0, 1e-4, 0.02, 1.3),
        "shimmer": call([sound, pulses], "Get shimmer (local)", 0, 0, 1e-4, 0.02, 1.3, 1.6),
        "hnr_db": harmonicity[harmonicity > -200].mean(),
    }
