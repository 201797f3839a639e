"""Where a supervisor keeps what should survive it, and what it does not need for being correct."""

from __future__ import annotations

import os
from pathlib import Path

#: The file of the history, in the state directory.
HISTORY_FILE = "history.db"


def state_directory(configured: Path | None) -> Path:
    """As configured, else systemd's `$STATE_DIRECTORY`, else `rtpipe` in the user's state directory."""
    by_systemd = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if configured or by_systemd:
        return configured or Path(by_systemd)
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local/state") / "rtpipe"
