"""What others wrote is read or refused in our own words, whatever it is: a few inputs of each target of `tests.fuzz`.

Here the same ones each time; `make fuzz` draws others.
"""

import time

import numpy as np
import pytest
from hypothesis import strategies as st

from bulbar.core.errors import BadInput, Problem
from tests import fuzz
from tests.fuzz import params
from tests.fuzz.targets import TARGETS

INPUTS = 6


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_target_holds(target, tmp_path):
    for value in target.known:
        target.try_one(value, tmp_path)
    fuzz.search(target, tmp_path, inputs=INPUTS, derandomize=True)()


def check_each_place(one, value, folder):
    """A params.yaml with one value in turn at each place of a block is read or refused, and the first stage says so."""
    name, block, model = one
    places = list(params.at_each_place(name, block, value))
    for content in places:
        fuzz.Target("", st.nothing(), params.check_block).try_one((name, block, model, content), folder)
    assert places


BLOCKS = pytest.mark.parametrize("one", params.BLOCKS, ids=lambda one: f"{one[0]} {one[1]}")


@BLOCKS
def test_any_key_may_be_gone(one, tmp_path):
    check_each_place(one, params.GONE, tmp_path)


@pytest.mark.slow
@BLOCKS
def test_any_key_may_have_any_odd_value(one, tmp_path):
    for value in params.ODD:
        check_each_place(one, value, tmp_path)


# What the search itself finds.


def fails(value, folder):
    raise KeyError("lost")


def swells(value, folder):
    """Takes too much memory, which its reader reports in its own words."""
    try:
        np.empty(2 * fuzz.MOST_BYTES, dtype=np.uint8)
    except MemoryError as error:
        raise BadInput([Problem("x", "y", f"{type(error).__name__} of NumPy", "z")]) from None


def hangs(value, folder):
    """Takes too long, and its reader catches everything."""
    until = time.process_time() + 5
    while time.process_time() < until:
        try:
            sum(range(1000))
        except Exception:
            continue


def refuses(value, folder):
    raise BadInput([Problem("x", "y", "z", "")])


@pytest.mark.parametrize(
    ("check", "error", "words"),
    [
        (fails, KeyError, "lost"),
        (swells, AssertionError, "MemoryError"),
        (hangs, AssertionError, "processor time"),
        (refuses, AssertionError, None),  # a refusal has four parts
    ],
)
def test_what_no_reader_may_do_is_found(check, error, words, tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "MOST_SECONDS", 0.1)
    with pytest.raises(error, match=words):
        fuzz.search(fuzz.Target("made up", st.just(0), check), tmp_path, inputs=1)()
    np.empty(2 * fuzz.MOST_BYTES, dtype=np.uint8)  # afterwards there is room again
