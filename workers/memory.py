"""Give memory back after a burst: an idle partition should cost little, however much it moved a moment ago."""

from __future__ import annotations

import ctypes
import gc

_LARGE = 64 << 10
_M_MMAP_THRESHOLD = -3


def keep_large_blocks_apart() -> None:
    """Batches and statements come and go as blocks of some 100 KB: apart from the heap they leave no holes in it."""
    choose = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it, musl has not
    if choose is not None:
        choose(_M_MMAP_THRESHOLD, _LARGE)


def give_back() -> None:
    """Return free heap pages to the system; takes a few milliseconds, so only for a process that has nothing to do."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl has not
    if trim is not None:
        trim(0)
