"""How polars is called, so that it fails quietly: what it raises and what it prints are no trouble of the writer."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator

import polars as pl

#: What Rust prints about a panic, on the file of standard error itself.
_PANIC = re.compile(rb"\n?thread '[^\n]*panicked at .*?(?:\nnote: [^\n]*RUST_BACKTRACE[^\n]*\n|\Z)", re.DOTALL)
_STDERR = 2
#: Allocations after which polars' allocator has looked which of its free memory is old. It looks only then: the thread
#: that would do it is missing after a fork. They are of a size that it keeps nowhere aside.
_LOOKS, _NUMBERS = 2_000, 8_192
#: In it while polars has computed since it gave memory back.
_computed: set[str] = set()


class DoubtError(Exception):
    """The columns may not be what the bytes say, or not be stored as they are: for the general encoder to judge."""


@contextlib.contextmanager
def doubted() -> Iterator[None]:
    """Whatever polars raises inside becomes DoubtError, and what it prints about a panic is not printed.

    A length in a body that reaches beyond all bytes is enough for a panic, which is no Exception. What others wrote to
    standard error meanwhile is written afterwards.
    """
    _computed.add("since")
    try:
        with _held_stderr():
            yield
    except pl.exceptions.PanicException as panic:
        raise DoubtError(str(panic)) from None
    except Exception as error:
        raise DoubtError(str(error)) from error


def give_back() -> None:
    """Have what is free and old returned to the system, if there may be any; takes some milliseconds."""
    if _computed:
        _computed.clear()
        one = pl.Series([0], dtype=pl.Int64)
        for _ in range(_LOOKS):
            one.new_from_index(0, _NUMBERS)


@contextlib.contextmanager
def _held_stderr() -> Iterator[None]:
    with contextlib.suppress(Exception):  # there may be none
        sys.stderr.flush()
    kept, held = os.dup(_STDERR), os.memfd_create("stderr")
    try:
        os.dup2(held, _STDERR)
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
        if size := os.lseek(held, 0, os.SEEK_END):
            os.lseek(held, 0, os.SEEK_SET)
            os.write(_STDERR, _PANIC.sub(b"", os.read(held, size)))
        os.close(held)
