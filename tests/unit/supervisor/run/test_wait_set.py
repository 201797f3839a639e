"""What is ready is found by its key, also where a file was closed and its number given to another."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator

import pytest

from supervisor.run.wait_set import WaitSet


@pytest.fixture
def waits() -> Iterator[WaitSet]:
    made = WaitSet()
    yield made
    made.close()


def test_it_names_what_is_ready_and_nothing_else(waits: WaitSet) -> None:
    ours, theirs = multiprocessing.Pipe()
    idle, other = multiprocessing.Pipe()
    waits.watch({"ours": ours, "idle": idle})
    assert waits.wait(0) == []
    theirs.send("word")
    waits.watch({"ours": ours, "idle": idle})
    assert waits.wait(5) == ["ours"]
    for end in (ours, theirs, idle, other):
        end.close()


def test_an_end_of_file_is_ready_too(waits: WaitSet) -> None:
    ours, theirs = multiprocessing.Pipe()
    theirs.close()
    waits.watch({"ours": ours})
    assert waits.wait(5) == ["ours"]
    ours.close()
    waits.watch({})
    assert waits.wait(0) == []


def test_a_number_that_is_given_anew_belongs_to_the_new_key(waits: WaitSet) -> None:
    old_reader, old_writer = os.pipe()
    waits.watch({"old": old_reader})
    assert waits.wait(0) == []
    os.close(old_reader)
    os.close(old_writer)
    reader, writer = os.pipe()
    assert reader == old_reader
    os.write(writer, b"x")
    waits.watch({"new": reader})
    assert waits.wait(5) == ["new"]
    os.close(reader)
    os.close(writer)


def test_a_connection_closed_before_its_key_is_dropped_does_no_harm(waits: WaitSet) -> None:
    ours, theirs = multiprocessing.Pipe()
    waits.watch({"ours": ours})
    ours.close()
    theirs.close()
    again, far = multiprocessing.Pipe()
    far.send("word")
    waits.watch({"again": again})
    assert waits.wait(5) == ["again"]
    again.close()
    far.close()
