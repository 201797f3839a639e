"""Give memory back after a burst, and only then: an idle partition should cost little, however much it moved before."""

from __future__ import annotations

import ctypes
import gc

#: Free memory that is kept for the next batch, and blocks up to this size come from: to ask the system for each batch's
#: blocks anew costs more time than all else that is done with their bytes, since each page is filled with zeros.
_KEPT = 16 << 20
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_blocks() -> None:
    """Batches and statements come and go as blocks of some MB: what one leaves is for the next."""
    choose = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it, musl has not
    if choose is not None:
        choose(_M_MMAP_THRESHOLD, _KEPT)
        choose(_M_TRIM_THRESHOLD, _KEPT)


def give_back() -> None:
    """Return free heap pages to the system; takes a few milliseconds, so only for a process that has nothing to do."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl has not
    if trim is not None:
        trim(0)
