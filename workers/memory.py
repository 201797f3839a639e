"""Give memory back after a burst: an idle partition should cost little, however much it moved a moment ago."""

from __future__ import annotations

import ctypes
import gc


def give_back() -> None:
    """Return free heap pages to the system; takes a few milliseconds, so only for a process that has nothing to do."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl has not
    if trim is not None:
        trim(0)
