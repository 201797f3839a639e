"""The setting `runtime_dir` alone, for a shell that waits for the names of topics.

To read all settings takes longer than somebody at a prompt should wait.
"""

from __future__ import annotations

import os
from pathlib import Path

from supervisor.settings.environment import variable
from supervisor.settings.settings_file import settings_from_toml


def runtime_dir_alone() -> Path | None:
    """As `load().runtime_dir`, unchecked. SettingsError for a file that cannot be read."""
    given = os.environ.get(variable("runtime_dir")) or settings_from_toml().get("runtime_dir")
    return Path(str(given)) if given else None
