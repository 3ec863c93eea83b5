"""params.yaml: any value at any key of every block, and any text."""

import contextlib
import copy
import datetime
import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel
from ruamel.yaml import YAML

from bulbar.appraisal import baselines, calibration, external
from bulbar.audit import finding as audit
from bulbar.cohort import folds, readers, split, subset
from bulbar.core import parallel
from bulbar.core.errors import BadInput
from bulbar.explain import settings as explaining
from bulbar.features import audio, augmentation, praat, sequences, spectrogram
from bulbar.phantom import common_voice, voc_als
from bulbar.scoring import intervals, selection
from bulbar.training import als, fits, gender, spread
from bulbar.tuning import search
from stages import check_params
from stages.parts.params import settings, study_seed, study_settings
from tests.fuzz import Target
from tests.fuzz.damage import reworded, spoilt
from tests.projects import ROOT

ALS: list[tuple[str, type[BaseModel]]] = [
    ("cohort", readers.Settings),
    ("phantom", voc_als.Settings),
    ("audio", audio.Settings),
    ("spectrogram", spectrogram.Settings),
    ("folds", folds.Settings),
    ("train", fits.Settings),
    ("sweep", als.SweepSettings),
    ("select", selection.Settings),
    ("spread", spread.Settings),
    ("published", als.PublishedSettings),
    ("fusion", als.FusionSettings),
    ("acoustic", praat.Settings),
    ("baselines", baselines.Settings),
    ("bootstrap", intervals.Settings),
    ("appraise", calibration.Settings),
    ("audit", audit.Settings),
    ("explain", explaining.Settings),
    ("external", external.Settings),
    ("external.cohort", readers.Settings),
    ("external.phantom", voc_als.ExternalSettings),
    ("compute", parallel.Settings),
]
GENDER: list[tuple[str, type[BaseModel]]] = [
    ("cohort", readers.Settings),
    ("phantom", common_voice.Settings),
    ("subset", subset.Settings),
    ("split", split.Settings),
    ("augment", augmentation.Settings),
    ("features", sequences.Settings),
    ("train", fits.Settings),
    ("network", gender.Settings),
    ("tune", search.Settings),
    ("acoustic", praat.Settings),
]
"""Every block of either params.yaml and the models that read it."""

PROPERTIES = ("image_shape", "n_workers", "cells", "cell", "n_trials", "samplers", "varied", "points", "recorder")

_KEYS = (
    st.sampled_from(["", "seed", "source", "n_splits", "workers", "unknown", "__class__", "model_config"])
    | st.text(max_size=6)
    | st.sampled_from([0, 1.5, None, True, datetime.date(2020, 1, 1)])
)
_PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, -1, 2, 10**6, 10**9, 10**30])
    | st.floats()
    | st.sampled_from(["", "A", "1", "1.0", "nan", "null", "true", "../x", "\0", "x" * 300])
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
    | st.dates()
    | st.datetimes()
    | st.binary(max_size=4)
    | st.sets(st.sampled_from(["A", "B"]))
)
VALUES = st.recursive(
    _PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=6
)


@st.composite
def changed(draw: st.DrawFn, found: dict[str, Any], block: str) -> dict[str, Any]:
    """The file's content with one to four keys of a block changed, gone or new; or the whole block another thing."""
    content = copy.deepcopy(found)
    outer = content
    *above, last = block.split(".")
    for name in above:
        outer = outer[name]
    if draw(st.integers(0, 15)) == 0:
        outer[last] = draw(VALUES)
        return content
    keys = sorted(outer[last])
    for _ in range(draw(st.integers(1, 4))):
        key = draw(st.sampled_from(keys))
        match draw(st.sampled_from(["value", "value", "value", "within", "gone", "new"])):
            case "value":
                outer[last][key] = draw(VALUES)
            case "within" if isinstance(outer[last].get(key), list) and outer[last][key]:
                outer[last][key][draw(st.integers(0, len(outer[last][key]) - 1))] = draw(VALUES)
            case "within" if isinstance(outer[last].get(key), dict):
                outer[last][key][draw(st.sampled_from(["unknown", *map(str, outer[last][key])]) | _KEYS)] = draw(VALUES)
            case "gone":
                outer[last].pop(key, None)
            case "new":
                outer[last][draw(_KEYS)] = draw(VALUES)
    return content


FILES = {name: (ROOT / name).read_bytes() for name in ("params.yaml", "gender/params.yaml")}
FOUND = {name: YAML(typ="safe").load(text) for name, text in FILES.items()}
BLOCKS = [("params.yaml", *one) for one in ALS] + [("gender/params.yaml", *one) for one in GENDER]


GONE = object()
ODD = (
    *(None, True, 0, -1, 1, 2, 10**6, 10**9, 10**30, 0.5, 1e-9, 1e-300, 1e300, math.inf, math.nan),
    *("", "A", "1", "1.0", "nan", "null", "../x", "\0", "x" * 300, datetime.date(2020, 1, 1), b"x"),
    *([], [1], ["A"], [None], [1, 1], [1.5], [[1]], {}, {"a": 1}, {1: "a"}, {"seed": 1}),
)
"""Values that are wrong at nearly every key, and right at some."""


def places(value: Any) -> Iterator[tuple[Any, ...]]:
    """The way to each value inside, at any depth: keys, and positions in lists."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield (key,)
        yield from ((key, *further) for further in places(below))


def at_each_place(name: str, block: str, value: object) -> Iterator[dict[str, Any]]:
    """A file's content with `value` in turn at each place of a block, or GONE from there."""
    ways = block.split(".")
    found = FOUND[name]
    for way in ways:
        found = found[way]
    for place in places(found):
        content = copy.deepcopy(FOUND[name])
        *above, last = (*ways, *place)
        outer: Any = content
        for way in above:
            outer = outer[way]
        if value is GONE:
            del outer[last]
        else:
            outer[last] = value
        yield content


def numbers_of(model: BaseModel) -> Iterator[float]:
    """Every float that a model holds, at any depth."""

    def inside(value: Any) -> Iterator[float]:
        if isinstance(value, float):
            yield value
        elif isinstance(value, BaseModel):
            yield from numbers_of(value)
        elif isinstance(value, dict):
            for inner in value.values():
                yield from inside(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                yield from inside(inner)

    for name in type(model).model_fields:
        yield from inside(getattr(model, name))


def check_file(name: str, block: str, model: type[BaseModel], folder: Path) -> None:
    """One block as its stage reads it, then the whole: what is sound as a whole, no stage refuses.

    Nothing of it is infinite then, and what is computed from the settings can be.
    """
    (folder / "data").mkdir(exist_ok=True)
    with contextlib.chdir(folder):
        refused = None
        try:
            read = settings(block, model)
        except BadInput as error:
            refused = error
        with contextlib.redirect_stdout(io.StringIO()):
            check_params.main("als" if name == "params.yaml" else "gender")
        assert refused is None, refused
        study_settings() if name == "params.yaml" else study_seed()
    assert all(map(math.isfinite, numbers_of(read))), read
    for key in PROPERTIES:
        if isinstance(getattr(model, key, None), property):
            getattr(read, key)


def check_block(given: tuple[str, str, type[BaseModel], dict[str, Any]], folder: Path) -> None:
    """A file with one block changed."""
    name, block, model, content = given
    with (folder / "params.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(content, file)
    check_file(name, block, model, folder)


def check_text(given: tuple[str, str, type[BaseModel], bytes], folder: Path) -> None:
    """A file of any text."""
    name, block, model, text = given
    (folder / "params.yaml").write_bytes(text)
    check_file(name, block, model, folder)


def with_text(text: Callable[[bytes], st.SearchStrategy[bytes]]) -> st.SearchStrategy[Any]:
    """A file, one of its blocks, the block's model, and a text in the place of the file's."""
    return st.sampled_from(BLOCKS).flatmap(lambda one: st.tuples(*map(st.just, one), text(FILES[one[0]])))


def check_as_they_are(one: tuple[str, str, type[BaseModel]], folder: Path) -> None:
    """The files that come with the project are sound, every block."""
    try:
        check_text((*one, FILES[one[0]]), folder)
    except BadInput as error:
        raise AssertionError(error) from None


TARGETS = [
    Target("params, as they are", st.sampled_from(BLOCKS), check_as_they_are),
    Target(
        "params, values",
        st.sampled_from(BLOCKS).flatmap(lambda one: st.tuples(*map(st.just, one), changed(FOUND[one[0]], one[1]))),
        check_block,
    ),
    Target(
        "params, text",
        with_text(lambda sound: reworded(sound) | spoilt(sound)),
        check_text,
        known=tuple((*BLOCKS[0], text) for text in (b"", b"seed", b"seed: 1\nseed: 2", b"\xff", b"a: *b", b"a: [")),
    ),
    Target("params, any text", with_text(lambda _: st.binary(max_size=512)), check_text),
]
