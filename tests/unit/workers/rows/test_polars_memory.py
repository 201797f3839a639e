"""What polars' allocator keeps for the next batch goes back to the system once no batch comes."""

from __future__ import annotations

import subprocess
import sys

#: In a forked child, as a writer is one: 64 MB are taken and left, then given back again and again until they are gone.
_CHILD = """
import os, time
from pathlib import Path
from workers.rows.columnar import choice
assert choice.load_polars()
if os.fork():
    raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
import polars as pl
from workers.rows.columnar import polars_calls

def own():
    lines = dict(line.split(":", 1) for line in Path("/proc/self/smaps_rollup").read_text().splitlines() if ":" in line)
    return int(lines["Private_Dirty"].split()[0]) // 1024

def load():
    with polars_calls.doubted():
        return [pl.Series([1], dtype=pl.Int64).new_from_index(0, 1 << 19) for _ in range(16)]

load()
kept, ends = own(), time.monotonic() + 30
while own() > kept // 2 and time.monotonic() < ends:
    polars_calls._computed.add("since")
    choice.give_back()
print(kept, own())
"""


def test_a_writer_at_rest_gives_back_what_polars_kept_for_its_next_batch() -> None:
    done = subprocess.run([sys.executable, "-c", _CHILD], check=True, capture_output=True, text=True)
    kept, left = map(int, done.stdout.split())
    assert kept > 16, "some of it is kept at first"
    assert left <= kept // 2
