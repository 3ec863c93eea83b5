"""What native code writes to the error stream is kept off the terminal only inside the block."""

import os
import sys

import pytest

from bulbar.core.error_stream import silenced


def test_what_is_written_beneath_python_is_not_seen_and_all_else_is(capfd):
    sys.stderr.write("before it, ")
    with silenced():
        os.write(2, b"a library's own words, ")
        print("what a stage says")
    os.write(2, b"after it")
    seen = capfd.readouterr()
    assert seen.err == "before it, after it"
    assert seen.out == "what a stage says\n"


def test_what_python_had_not_written_yet_is_not_lost(capfd, monkeypatch):
    with os.fdopen(os.dup(2), "w") as buffered:
        monkeypatch.setattr(sys, "stderr", buffered)
        buffered.write("a warning without an end of line")
        with silenced():
            assert capfd.readouterr().err == "a warning without an end of line"
        monkeypatch.undo()  # before it is closed


def test_an_error_inside_gives_the_stream_back_and_leaves_no_file_open(capfd):
    next_free = os.dup(2)
    os.close(next_free)
    for _ in range(3):
        with pytest.raises(ArithmeticError), silenced():
            raise ArithmeticError
    os.write(2, b"shown")
    assert capfd.readouterr().err == "shown"
    assert os.dup(2) == next_free
    os.close(next_free)
