"""Synthesise people who read sentences, in the format of a Common Voice release: validated.tsv and MP3 clips."""

import io
import shutil
from functools import partial
from pathlib import Path

import librosa
import numpy as np
import soundfile

from bulbar.core.atomic_write import write_bytes, write_text
from bulbar.phantom import common_voice, voice
from stages.parts.params import settings, study_seed
from stages.parts.places import stage_folder
from stages.parts.run import run
from stages.parts.workers import map_ordered


def main() -> None:
    """Write data/raw/phantom."""
    wanted = settings("phantom", common_voice.Settings)
    seed = study_seed()
    root = stage_folder("raw") / "phantom"
    shutil.rmtree(root, ignore_errors=True)
    (root / "clips").mkdir(parents=True)
    write_text(common_voice.NOTICE, root / "SYNTHETIC.txt")

    people = common_voice.people(wanted, seed)
    clips = common_voice.clips(people, seed)
    there = [clip for clip in clips if clip.there]
    write = partial(write_clip, folder=(root / "clips").resolve(), seed=seed)
    seconds = sum(map_ordered(write, there, label="synthetic voices", total=len(there)))
    rows = [common_voice.COLUMNS, *(common_voice.row(clip).values() for clip in clips)]
    write_text("".join("\t".join(row) + "\n" for row in rows), root / "validated.tsv")
    print(f"{len(people)} synthetic speakers, {len(clips)} rows, {len(there)} clips, {seconds / 60:.1f} min")


def write_clip(clip: common_voice.Clip, *, folder: Path, seed: int) -> float:
    """Synthesise one clip and write it as mono MP3. Returns its duration in seconds."""
    samples = common_voice.read_out(clip, seed).astype(np.float32) / 32768
    wide = librosa.resample(samples, orig_sr=voice.SAMPLE_RATE_HZ, target_sr=common_voice.SAMPLE_RATE_HZ)
    content = io.BytesIO()
    soundfile.write(content, wide, common_voice.SAMPLE_RATE_HZ, format="MP3")
    write_bytes(content.getvalue(), folder / f"{clip.name}.mp3")
    return len(wide) / common_voice.SAMPLE_RATE_HZ


if __name__ == "__main__":
    run(main)
