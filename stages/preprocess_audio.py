"""Convert every recording to 16-bit mono at one sampling rate, and remove silence."""

import shutil
from functools import partial
from pathlib import Path

import soundfile

from bulbar.cohort import readers
from bulbar.core.errors import BadInput, Problem, SilentRecording
from bulbar.core.files import count_rows, read_rows, rows_writer, save, write_json
from bulbar.features import audio
from bulbar.features.figures import before_and_after
from stages.parts.params import settings
from stages.parts.places import cohort_block, cohort_in_words, metrics_file, stage_folder
from stages.parts.run import run
from stages.parts.workers import map_ordered, without_problems

COLUMNS = ["recording_id", "subject_id", "task", "duration_s", "source_duration_s", "highest_hz"]
AT_ONCE = 16  # recordings per call of a worker, because each takes only milliseconds


def main(role: str = "main") -> None:
    """Read data/cohort/ and its release; write WAV files, recordings.csv and Figure 7 to data/audio/."""
    root = settings(cohort_block(role), readers.Settings).root.resolve()
    recordings, out = stage_folder("cohort", role) / "recordings.csv", stage_folder("audio", role)
    total = count_rows(recordings)
    out.mkdir(parents=True, exist_ok=True)
    clean = partial(clean_one, root=root, out=out.resolve(), cleaning=settings("audio", audio.Settings))
    results = map_ordered(clean, read_rows(recordings), label="audio", total=total, at_once=AT_ONCE)
    before_s = after_s = 0.0
    try:
        with rows_writer(out / "recordings.csv", COLUMNS) as table:
            for row in without_problems(results):
                table.writerow(row)
                before_s, after_s = before_s + float(row["source_duration_s"]), after_s + float(row["duration_s"])
    except BadInput:
        shutil.rmtree(out)
        raise
    draw_before_and_after(recordings, root, out, role)
    write_json(
        {"recordings": total, "mean_source_duration_s": before_s / total, "mean_duration_s": after_s / total},
        metrics_file("audio", role),
    )
    print(f"{total} recordings cleaned: {before_s / 3600:.2f} h before, {after_s / 3600:.2f} h after silence removal")


def clean_one(row: dict[str, str], root: Path, out: Path, cleaning: audio.Settings) -> dict[str, str] | Problem:
    """Clean one recording and write it to `out`; returns a Problem if it is silent or has changed."""
    try:
        samples = audio.clean(root / row["path"], cleaning)
    except SilentRecording as error:
        remedy = "replace the file, or remove it from the release"
        return Problem(row["path"], "a recording with sound", str(error), remedy)
    except (soundfile.SoundFileError, OSError) as error:
        found = str(error) if (root / row["path"]).is_file() else "no such file"
        remedy = "run the pipeline again from the stage ingest"
        return Problem(row["path"], "the recording that ingest checked", found, remedy)
    audio.write(out / f"{row['recording_id']}.wav", samples, cleaning.sample_rate_hz)
    duration = f"{len(samples) / cleaning.sample_rate_hz:.4f}"
    named = {key: row[key] for key in ("recording_id", "subject_id", "task")}
    highest_hz = f"{audio.highest_hz(float(row['sample_rate_hz']) / 2, cleaning.bandwidth_hz):.1f}"
    return {**named, "duration_s": duration, "source_duration_s": row["duration_s"], "highest_hz": highest_hz}


def draw_before_and_after(recordings: Path, root: Path, out: Path, role: str) -> None:
    """Draw the first recording before and after, as in Figure 7."""
    first = next(read_rows(recordings))
    before, before_hz = audio.read(root / first["path"])
    after, after_hz = audio.read(out / f"{first['recording_id']}.wav")
    title = f"Silence removal, task {first['task']} · {cohort_in_words(role)}"
    figure = before_and_after(audio.to_mono(before), before_hz, audio.to_mono(after), after_hz, title)
    save(figure, out / "figure_7.png")


if __name__ == "__main__":
    run(main)
