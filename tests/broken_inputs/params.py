"""params.yaml with a slip in it. Single impossible values are in values.yaml."""

import datetime
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.broken_inputs import Break, Case, Read, Refused
from tests.broken_inputs.breaking import rewritten
from tests.broken_inputs.making import set_params

yaml = YAML(typ="safe")
ALS, GENDER, FOLDS = ("check_params", "als"), ("check_params", "gender"), ("folds",)
change = partial(rewritten, "params.yaml")


def case(what: str, break_it: Break, where: str, found: str, expected: str = "", *, stage=ALS, problems=1) -> Case:
    """A case that ends before any work."""
    refused = Refused(f"params.yaml{where}", found, expected, problems)
    return Case(
        "params.yaml", what, break_it, refused, stage=stage, source="common_voice" if stage == GENDER else "voc_als"
    )


def value(stage: tuple[str, ...], key: str, value: Any, expected: str = "", found: str = "", where: str = "") -> Case:
    """A case whose one key has an impossible value."""
    what = f"{'gender/: ' if stage == GENDER else ''}`{key}: {value}`"[:60]
    break_it = partial(set_params, **{key: value})
    return case(what, break_it, f": {where or key}", found or repr(value), expected, stage=stage)


def text(what: str, text: Callable[[str], str], found: str, expected: str) -> Case:
    """A case whose file is another text."""
    return case(what, change(lambda old: text(old.decode()).encode()), "", found, expected)


def without(block: str, key: str = "") -> Break:
    """A block, or a key of it, taken out."""

    def break_it(project: Path) -> None:
        content = yaml.load(project / "params.yaml")
        del (content[block] if key else content)[key or block]
        yaml.dump(content, project / "params.yaml")

    return break_it


def misnamed(project: Path) -> None:
    without("fusion")(project)
    set_params(project, fussion={"output": "softmax"})


LAUGHS = "l0: &l0 [1]\n" + "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 9))
"""A hundred million values, in a few lines."""
SPACE = {name: list(range(1, 61)) for name in ("filters", "lstm_units", "batch_size")}
SPACE |= {"n_layers": [1], "learning_rate": [0.001], "dropout_rate": [0.3]}
YAML_ONCE, UNKNOWN, MISSING = "YAML that can be read, each key once", "no such key, because nothing reads it", "a value"
SEVEN_FOLDS = partial(set_params, **{"folds.n_splits": 7})
ANCHORED = change(lambda old: old.replace(b"seed: 2025", b"seed: &seed 2025"))
TAG = "more: !!python/object/apply:os.system [true]\n"

CASES: list[Case] = [
    text("a tab for blanks", lambda old: old + "audit:\n\tshuffles: 999\n", "character '\\t'", YAML_ONCE),
    text("a bracket that is not closed", lambda old: f"tasks: [A, PA\n{old}", "line ", YAML_ONCE),
    text("a key twice", lambda old: f"{old}seed: 1\n", 'found duplicate key "seed"', YAML_ONCE),
    text("a tag that would make an object", lambda old: old + TAG, "could not determine a constructor", YAML_ONCE),
    text("aliases that unfold a hundred million times", lambda old: old + LAUGHS, "more", "at most 10,000 values"),
    text("a list inside itself", lambda old: f"{old}more: &more [*more]\n", "a list inside itself", "at most 10,000"),
    text("an empty file", lambda old: "", "an empty file", "blocks of settings"),
    text("a list of settings", lambda old: "- seed\n- 2025\n", "a list", "blocks of settings"),
    text("a number for a block's name", lambda old: f"{old}2025: {{seed: 1}}\n", "2025", "keys that are texts"),
    case("no file", lambda project: (project / "params.yaml").unlink(), "", "no such file"),
    case("bytes that are no text", change(lambda old: b"seed: \xff\xfe\x80\n"), "", "", YAML_ONCE),
    Case("params.yaml", "an alias for a value", ANCHORED, Read(), stage=ALS),
    case("a block missing", without("fusion"), ": fusion", "nothing", MISSING),
    case("a key missing", without("audio", "min_duration_s"), ": audio.min_duration_s", "nothing", MISSING),
    case("a block of another name", misnamed, ": fussion", "{'output': 'softmax'}", UNKNOWN, problems=2),
    value(ALS, "audit", {datetime.date(2020, 1, 1): 1}, "keys that are texts", "datetime.date(2020"),
    value(ALS, "cohort.root", datetime.date(2020, 1, 1), "a text, a number, true", "2020-01-01 (date)"),
    value(GENDER, "tune.space", SPACE, "at most 100,000 combinations", "{'"),
    *(
        value(("check_params", of), **one)
        for of, values in yaml.load(Path(__file__).with_name("values.yaml")).items()
        for one in values
    ),
    case("more folds than subjects of a class", SEVEN_FOLDS, ": folds.n_splits", "6 of HC", "at least 7", stage=FOLDS),
    case("no block for the stage that reads it", without("folds"), ": folds", "nothing", "a block", stage=FOLDS),
]
