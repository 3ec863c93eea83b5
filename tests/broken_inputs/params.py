"""params.yaml with a slip in it."""

import datetime
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.broken_inputs import Case, Read, Refused, Source
from tests.broken_inputs.making import set_params

ALS, GENDER = ("check_params", "als"), ("check_params", "gender")


def case(
    what: str,
    break_it: Callable[[Path], object],
    where: str,
    found: str,
    expected: str = "",
    *,
    stage: tuple[str, ...] = ALS,
    problems: int = 1,
) -> Case:
    """A case that ends before any work."""
    source: Source = "common_voice" if stage == GENDER else "voc_als"
    told = Refused(where, found, expected, problems)
    return Case("params.yaml", what, lambda project: break_it(project) and None, told, stage=stage, source=source)


def key(name: str, value: Any, expected: str, what: str = "", found: str | None = None, where: str = "") -> Case:
    """A case whose one key has an impossible value."""
    told = what or f"`{name}: {'null' if value is None else value}`"
    place = f"params.yaml: {where or name}"
    return case(told, lambda project: set_params(project, **{name: value}), place, found or repr(value), expected)


def gender(name: str, value: Any, expected: str, found: str | None = None, where: str = "", what: str = "") -> Case:
    """A case of gender/params.yaml."""
    told = what or f"gender/: `{name}: {value}`"
    place = f"params.yaml: {where or name}"
    shown = repr(value) if found is None else found
    return case(told, lambda project: set_params(project, **{name: value}), place, shown, expected, stage=GENDER)


def text(what: str, change: Callable[[str], str], found: str, expected: str, where: str = "params.yaml") -> Case:
    """A case whose file is another text."""

    def break_it(project: Path) -> None:
        path = project / "params.yaml"
        before = path.read_text()
        path.write_text(change(before))
        assert path.read_text() != before

    return case(what, break_it, where, found, expected)


def without(block: str) -> Callable[[Path], None]:
    """A block taken out."""

    def break_it(project: Path) -> None:
        set_params(project, aside=1)
        lines = (project / "params.yaml").read_text().splitlines(keepends=True)
        kept, out = [], False
        for line in lines:
            out = line.startswith(f"{block}:") or (out and line.startswith((" ", "-", "\n")))
            kept += [] if out or line.startswith("aside:") else [line]
        (project / "params.yaml").write_text("".join(kept))

    return break_it


def gone(block: str, key: str) -> Callable[[Path], None]:
    """A key taken out of a block."""

    def break_it(project: Path) -> None:
        path = project / "params.yaml"
        content = YAML(typ="safe").load(path)
        del content[block][key]
        YAML(typ="safe").dump(content, path)

    return break_it


def read(what: str, change: Callable[[str], str]) -> Case:
    """A case that is read as it was meant."""

    def break_it(project: Path) -> None:
        path = project / "params.yaml"
        path.write_text(change(path.read_text()))

    return Case("params.yaml", what, break_it, Read(), stage=("check_params", "als"))


LAUGHS = "".join(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]\n" for level in range(1, 9))
"""A hundred million values, in a few lines."""

UNREADABLE, NOTHING_READS = "YAML that can be read, each key once", "no such key: nothing reads it"

FILES = [
    text("a tab for blanks", lambda old: old + "audit:\n\tshuffles: 999\n", "character '\\t'", UNREADABLE),
    text("a bracket that is not closed", lambda old: f"tasks: [A, PA\n{old}", "line ", UNREADABLE),
    text("a key twice", lambda old: f"{old}seed: 1\n", 'found duplicate key "seed"', UNREADABLE),
    text(
        "a tag that would make an object",
        lambda old: f"{old}more: !!python/object/apply:os.system [true]\n",
        "could not determine a constructor for the tag",
        UNREADABLE,
    ),
    text(
        "aliases that unfold a hundred million times",
        lambda old: f"{old}l0: &l0 [1]\n{LAUGHS}",
        "more",
        "at most 10,000 values",
    ),
    text("a list inside itself", lambda old: f"{old}more: &more [*more]\n", "a list inside itself", "at most 10,000"),
    text("an empty file", lambda old: "", "an empty file", "blocks of settings"),
    text("a list of settings", lambda old: "- seed\n- 2025\n", "a list", "blocks of settings"),
    case("no file", lambda project: (project / "params.yaml").unlink(), "params.yaml", "no such file"),
    case(
        "bytes that are no text",
        lambda project: (project / "params.yaml").write_bytes(b"seed: \xff\xfe\x80\n"),
        "params.yaml",
        "",
        UNREADABLE,
    ),
    read("an alias for a value", lambda old: f"{old.replace('seed: 2025', 'seed: &seed 2025')}"),
]

KEYS = [
    key("augment.copies", 1, NOTHING_READS, "an unknown block", "{'copies': 1}", "augment"),
    key("cohort.rooot", "elsewhere", NOTHING_READS, "an unknown key, `cohort.rooot`"),
    key("external.bandwith_hz", 3600.0, NOTHING_READS, "an unknown key of a block that two stages read"),
    key("external.cohort.rooot", "elsewhere", NOTHING_READS, "an unknown key in a block inside another"),
    text("a number for a block's name", lambda old: f"{old}2025: {{seed: 1}}\n", "2025", "keys that are texts"),
    key("audit", {datetime.date(2020, 1, 1): 1}, "keys that are texts", "a date for a key", "datetime.date(2020"),
    case("a block missing", without("fusion"), "params.yaml: fusion", "nothing", "a value for this key"),
    case(
        "a block of another name",
        lambda project: (without("fusion")(project), set_params(project, fussion={"output": "softmax"})),
        "params.yaml: fussion",
        "{'output': 'softmax'}",
        NOTHING_READS,
        problems=2,
    ),
    key("train", None, "a block of settings", "a block with nothing in it", "nothing"),
    key("train", [100, 32], "a block of settings", "a list for a block", "[100, 32]"),
]

VALUES = [
    key("published.dropout_rate", 1.0, "less than 1"),
    key("published.dropout_rate", -0.1, "greater than or equal to 0"),
    key("published.dropout_rate", "0.3", "a valid number", "a number in quotation marks"),
    key("published.dropout_rate", [0.3], "a valid number", "a list for a number"),
    key("published.dropout_rate", math.nan, "a finite number", "`published.dropout_rate: .nan`", "nan"),
    key("train.learning_rate", math.inf, "a finite number", "`train.learning_rate: .inf`", "inf"),
    key("published.dropout_rate", True, "a valid number", "`true` for a number"),
    key("published.architecture", "S6A", "one of S1A, S1B", "an unknown architecture"),
    key("folds.n_splits", 1, "greater than or equal to 2", "1 fold"),
    key("folds.n_splits", 0, "greater than or equal to 2", "0 folds"),
    key("folds.n_splits", 2.5, "a valid integer", "2.5 folds"),
    key("folds.validation_share", 1.0, "less than 1"),
    key("train.max_epochs", 0, "greater than or equal to 1", "0 epochs"),
    key("train.batch_size", "many", "a valid integer"),
    key("train.min_learning_rate", 0.1, "at most train.learning_rate, 0.001"),
    key("train.precision", "float8", "'float32' or 'mixed_bfloat16'"),
    key("sweep.architectures", [], "at least 1 item", "no architecture"),
    key("sweep.architectures", "S1A", "", "a text for a list"),
    key("sweep.architectures", ["S1A", "S1A"], "each entry once", "an architecture twice"),
    key(
        "sweep.dropout_rates", [0.3, 1.0], "less than 1", "an impossible rate in a list", "1.0", "sweep.dropout_rates.1"
    ),
    key("phantom.subjects", 2, "greater than or equal to 6", "a phantom of 2"),
    key("phantom.tasks", ["X"], "'A', 'E'", "an unknown task", "'X'", "phantom.tasks.0"),
    key("cohort.source", "als", "'voc_als', 'minsk2020' or 'common_voice'", "an unknown source"),
    key("cohort.source", "common_voice", "a release with a diagnosis", found="common_voice"),
    key("cohort.root", "", "the folder of a release", "an empty root"),
    key(
        "cohort.root",
        datetime.date(2020, 1, 1),
        "a text, a number, true",
        "a root that YAML takes for a date",
        "2020-01-01 (date)",
    ),
    case("a key missing", gone("audio", "min_duration_s"), "params.yaml: audio.min_duration_s", "nothing", "a value"),
    key("cohort.root", None, "", "no root", "None"),
    key("cohort.on_bad_recording", "skip", "'fail' or 'quarantine'"),
    key("cohort.duplicates", "drop", "'fail', 'quarantine' or 'keep'"),
    key("phantom.duplicates", True, "tasks must hold A, PA and TA", found="duplicates: True", where="phantom"),
    key("seed", -1, "greater than or equal to 0"),
    key("positive_class", "PD", "'ALS' or 'HC'"),
    key("audio.sample_rate_hz", 0, "greater than or equal to 1000"),
    key("audio.sample_rate_hz", -1, "greater than or equal to 1000"),
    key("audio.sample_rate_hz", 10**9, "less than or equal to 384000"),
    key("audio.bandwidth_hz", 11025.0, "below 10022.7", found="bandwidth_hz: 11025.0", where="audio"),
    key("audio.top_db", 0, "greater than 0"),
    key("audio.min_duration_s", 0, "greater than 0"),
    key("spectrogram.max_hz", 20000.0, "at most 11025, half of audio.sample_rate_hz"),
    key("spectrogram.min_hz", 12000.0, "must lie below max_hz", found="min_hz: 12000.0", where="spectrogram"),
    key("spectrogram.hop_length", 0, "greater than or equal to 1"),
    key("spectrogram.hop_length", 4096, "at most frame_length", found="hop_length: 4096", where="spectrogram"),
    key("spectrogram.frame_length", 1, "greater than or equal to 16"),
    key(
        "spectrogram.mel_bands",
        1024,
        "must be fewer than half of frame_length",
        "more mel bands than frequencies",
        "mel_bands: 1024",
        "spectrogram",
    ),
    key("spectrogram.floor_db", 0, "less than 0"),
    key(
        "spectrogram.frames",
        16,
        "at least 94 of each for S5A",
        "images too small for five poolings",
        "128 and 16",
        "spectrogram.mel_bands and spectrogram.frames",
    ),
    key("bootstrap.level", 1.5, "less than 1"),
    key("bootstrap.draws", 0, "greater than or equal to 100"),
    key("bootstrap.draws", 10**9, "less than or equal to 100000"),
    key("appraise.prevalences", [0.05, 2], "less than 1", "a prevalence of 2", "2", "appraise.prevalences.1"),
    key("appraise.prevalences", [0], "greater than 0", "a prevalence of 0", "0", "appraise.prevalences.0"),
    key("appraise.prevalences", [], "at least 1 item", "no prevalence"),
    key("appraise.age_bands", [60, 50], "years that rise", "age bands that fall"),
    key("audit.shuffles", 10, "greater than or equal to 999", "10 shuffles"),
    key("explain.bands", 200, "at most 128, the image's", "more parts than the image has rows"),
    key("external.bandwidth_hz", 11000.0, "below 10022.7, or null"),
    key("external.tasks", ["A", "Ah"], "'A', 'E'", "an unknown task to compare", "'Ah'", "external.tasks.1"),
    key("external.phantom.sample_rate_hz", 44100, "8000, 16000 or 32000"),
    key("acoustic.max_pitch_hz", 50.0, "max_pitch_hz above min_pitch_hz", found="max_pitch_hz: 50.0", where="acoustic"),
    key("train.max_epochs", 10**9, "less than or equal to 1000000", "a thousand million epochs"),
    key("compute.workers", 5000, "less than or equal to 1024"),
    key("compute.workers", 0, "greater than or equal to 1", "0 workers"),
    key("compute.backend", "spark", "'loky', 'dask' or 'ray'"),
]

OF_GENDER = [
    gender("features.max_hz", 9000.0, "at most 8000, half of audio.sample_rate_hz", "9000"),
    gender("network.n_layers", 10, "at least", "10 layers", "network.n_layers or tune.space.n_layers"),
    gender("network.n_layers", 20, "less than or equal to 16"),
    gender("features.duration_s", 1e9, "less than or equal to 600", "1000000000.0"),
    gender(
        "tune.space",
        {
            "filters": list(range(1, 61)),
            "lstm_units": list(range(1, 61)),
            "n_layers": [1],
            "learning_rate": [0.001],
            "batch_size": list(range(1, 61)),
            "dropout_rate": [0.3],
        },
        "at most 100,000 combinations of the values, and these have 216,000",
        "{'batch_size': [1, 2",
        what="gender/: a space with too many points",
    ),
    gender("split.test_share", 0.9, "leave nothing to train on", "test_share: 0.9", "split"),
    gender("split.age_bands", [50, 40], "age_bands must rise", "age_bands: [50, 40]", "split"),
    gender("augment.speed", [0.001, 2.0], "greater than or equal to 0.25", "0.001", "augment.speed.0"),
    gender("phantom.clips", [5, 3], "the fewest clips first", "clips: [5, 3]", "phantom"),
    gender("subset.per_gender", {"male": 0, "female": 2}, "greater than or equal to 1", "0", "subset.per_gender.male"),
    gender("tune.compared", [], "at least one sampler, and each once"),
    gender("tune.sampler", "annealing", "'grid', 'random', 'tpe' or 'genetic'"),
    gender("positive_class", "ALS", NOTHING_READS),
]

IN_A_STAGE = [
    case(
        "more folds than subjects of a class",
        lambda project: set_params(project, **{"folds.n_splits": 7}),
        "params.yaml: folds.n_splits",
        "6 of HC",
        "at least 7 subjects of each class, for 7 folds",
        stage=("folds",),
    ),
    case(
        "an impossible value, in the stage that reads it",
        lambda project: set_params(project, **{"folds.validation_share": 1.0}),
        "params.yaml: folds.validation_share",
        "1.0",
        "less than 1",
        stage=("folds",),
    ),
    case(
        "no block for the stage that reads it",
        without("folds"),
        "params.yaml: folds",
        "nothing",
        "a block of settings",
        stage=("folds",),
    ),
]

CASES: list[Case] = [*FILES, *KEYS, *VALUES, *OF_GENDER, *IN_A_STAGE]
