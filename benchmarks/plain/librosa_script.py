"""Recordings to mel images with librosa, one file after another: `librosa_script IN_FOLDER OUT.npy`."""

import sys
from pathlib import Path

import librosa
import numpy as np
import scipy.signal
from PIL import Image

RATE_HZ = 22050


def mel_image(path: Path) -> np.ndarray:
    """Load, no offset, resample, cut the silence, 16 bit, pre-emphasis, mel spectrogram, dB, 128 × 128 in [0, 1]."""
    samples, rate_hz = librosa.load(path, sr=None)
    samples = librosa.resample(samples - samples.mean(), orig_sr=rate_hz, target_sr=RATE_HZ)
    samples = np.concatenate([samples[start:end] for start, end in librosa.effects.split(samples, top_db=30)])
    samples = np.round(samples * 32768).clip(-32768, 32767) / 32768
    mel = librosa.feature.melspectrogram(
        y=librosa.effects.preemphasis(samples.astype(np.float32), zi=[0.0]),
        sr=RATE_HZ,
        n_fft=2048,
        hop_length=512,
        window=scipy.signal.windows.hamming(2048),
        n_mels=128,
        htk=True,
        norm=None,
    )
    decibels = librosa.power_to_db(mel, ref=np.max, amin=1e-20, top_db=80)
    return np.asarray(Image.fromarray(decibels / 80 + 1).resize((128, 128), Image.Resampling.BILINEAR))


if __name__ == "__main__":
    np.save(sys.argv[2], np.stack([mel_image(path) for path in sorted(Path(sys.argv[1]).glob("*.wav"))]))
