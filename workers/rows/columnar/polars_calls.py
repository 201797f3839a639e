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


class DoubtError(Exception):
    """The columns may not be what the bytes say, or not be stored as they are: for the general encoder to judge."""


@contextlib.contextmanager
def doubted() -> Iterator[None]:
    """Whatever polars raises inside becomes DoubtError, and what it prints about a panic is not printed.

    A length in a body that reaches beyond all bytes is enough for a panic, which is no Exception. What others wrote to
    standard error meanwhile is written afterwards.
    """
    try:
        with _held_stderr():
            yield
    except pl.exceptions.PanicException as panic:
        raise DoubtError(str(panic)) from None
    except Exception as error:
        raise DoubtError(str(error)) from error


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
