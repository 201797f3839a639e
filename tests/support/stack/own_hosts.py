"""Host names that only chosen commands know, and whose addresses a test changes while they run."""

from __future__ import annotations

import os
from pathlib import Path

_SCRIPT = 'mount --bind "$0" /etc/hosts && exec "$@"'


class OwnHosts:
    """A file of names in the place of /etc/hosts, for commands that begin with `prefix`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        alone = ["--mount"] if os.geteuid() == 0 else ["--mount", "--user", "--map-root-user"]
        self.prefix = ("unshare", *alone, "sh", "-c", _SCRIPT, str(file))

    def write(self, names: str) -> None:
        """Other addresses: into the same file, since that is what is mounted."""
        self._file.write_text(f"127.0.0.1 localhost\n{names}\n")


def own_hosts(file: Path, names: str) -> OwnHosts:
    """`names`: lines such as `127.0.0.2 db.test`."""
    hosts = OwnHosts(file)
    hosts.write(names)
    return hosts
