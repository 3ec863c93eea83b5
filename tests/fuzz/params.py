"""params.yaml: any value at any key of every block, and any text."""

import contextlib
import copy
import datetime
import io
import math
from collections.abc import Callable, Iterator
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel
from ruamel.yaml import YAML

from bulbar.core.errors import BadInput
from stages import check_params
from stages.parts import all_params
from stages.parts.params import settings, study_seed, study_settings
from tests.fuzz import Target
from tests.fuzz.damage import reworded, spoilt
from tests.projects import ROOT


def blocks_of(whole: type[BaseModel], above: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Every block of a params.yaml, those within others included, and the model that reads it."""
    for name, field in whole.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield f"{above}{name}", field.annotation
            yield from blocks_of(field.annotation, f"{above}{name}.")


WHOLES: dict[str, type[BaseModel]] = {"params.yaml": all_params.Als, "gender/params.yaml": all_params.Gender}
FILES = {name: (ROOT / name).read_bytes() for name in WHOLES}
FOUND = {name: YAML(typ="safe").load(text) for name, text in FILES.items()}
BLOCKS = [(name, block, model) for name, whole in WHOLES.items() for block, model in blocks_of(whole)]

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


def changed_at(content: dict[str, Any], place: tuple[Any, ...], value: object) -> dict[str, Any]:
    """A copy of a file's content with another value at a place, or GONE from there."""
    content = copy.deepcopy(content)
    *above, last = place
    outer: Any = reduce(getitem, above, content)
    if value is GONE:
        del outer[last]
    else:
        outer[last] = value
    return content


def at_each_place(name: str, block: str, value: object) -> Iterator[dict[str, Any]]:
    """A file's content with `value` in turn at each place of a block, or GONE from there."""
    way = tuple(block.split("."))
    for place in places(reduce(getitem, way, FOUND[name])):
        yield changed_at(FOUND[name], (*way, *place), value)


@st.composite
def changed(draw: st.DrawFn, content: dict[str, Any], block: str) -> dict[str, Any]:
    """The file's content with one to four keys of a block changed, gone or new, or the whole block another thing."""
    way = tuple(block.split("."))
    for _ in range(draw(st.integers(1, 4))):
        found = reduce(getitem, way, content)
        place = draw(st.sampled_from([(), *places(found)]))
        if isinstance(found, dict) and draw(st.integers(0, 5)) == 0:
            place = (draw(_KEYS),)
            value = draw(VALUES)
        else:
            value = draw(VALUES | st.just(GONE)) if place else draw(VALUES)
        content = changed_at(content, (*way, *place), value)
    return content


def numbers_of(value: Any) -> Iterator[float]:
    """Every float inside, at any depth."""
    if isinstance(value, float):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    for below in inner:
        yield from numbers_of(below)


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
    assert all(map(math.isfinite, numbers_of(read.model_dump()))), read
    for key, value in vars(model).items():
        if isinstance(value, property):
            getattr(read, key)


def check_block(one: tuple[str, str, type[BaseModel], dict[str, Any] | bytes], folder: Path) -> None:
    """A file with one block changed, or of any text."""
    name, block, model, content = one
    if isinstance(content, bytes):
        (folder / "params.yaml").write_bytes(content)
    else:
        with (folder / "params.yaml").open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump(content, file)
    check_file(name, block, model, folder)


def with_text(text: Callable[[bytes], st.SearchStrategy[bytes]]) -> st.SearchStrategy[Any]:
    """A file, one of its blocks, the block's model, and a text in the place of the file's."""
    return st.sampled_from(BLOCKS).flatmap(lambda one: st.tuples(*map(st.just, one), text(FILES[one[0]])))


def check_as_they_are(one: tuple[str, str, type[BaseModel]], folder: Path) -> None:
    """The files that come with the project are sound, every block."""
    try:
        check_block((*one, FILES[one[0]]), folder)
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
        check_block,
        known=tuple((*BLOCKS[0], text) for text in (b"", b"seed", b"seed: 1\nseed: 2", b"\xff", b"a: *b", b"a: [")),
    ),
    Target("params, any text", with_text(lambda _: st.binary(max_size=512)), check_block),
]
