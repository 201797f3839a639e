"""How the reader's shell finds the rtpipe that speaks, for commands that are printed to be typed."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path


def own_command() -> str:
    """`rtpipe` if the PATH leads to this one, else its path, as short as it goes."""
    mine = Path(sys.executable).parent / "rtpipe"
    found = shutil.which("rtpipe")
    if not mine.exists() or (found and Path(found).resolve() == mine.resolve()):
        return "rtpipe"
    here = Path.cwd()
    return shlex.quote(str(mine.relative_to(here) if mine.is_relative_to(here) else mine))
