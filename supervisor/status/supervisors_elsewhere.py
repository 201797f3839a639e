"""Supervisors that `rtpipe status` cannot ask: of other users, or with another runtime directory."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from supervisor.control.peer import user_name

#: A listening socket: the kernel shows the name by which it was bound, to everybody.
_LISTENS = "00010000"
_SOCKET = re.compile(r"(?P<directory>/.+)/supervisor-(?P<pid>\d+)\.sock(\.new)?$")
_LISTED = 3


@dataclass(frozen=True, slots=True)
class SupervisorElsewhere:
    """A supervisor that listens in another directory."""

    pid: int
    user_id: int
    directory: str

    @property
    def user(self) -> str:
        """The user's name; the number of a user without a name."""
        return user_name(self.user_id)


def find_elsewhere(directory: Path, sockets: str = "/proc/net/unix") -> list[SupervisorElsewhere]:
    """All that listen on this machine outside `directory`, as far as the system tells."""
    try:
        lines = Path(sockets).read_text(errors="replace").splitlines()
    except OSError:
        return []
    found = set()
    for line in lines:
        words = line.split(maxsplit=7)
        named = _SOCKET.search(words[7]) if len(words) > 7 and words[3] == _LISTENS else None  # noqa: PLR2004
        if named and named["directory"] != str(directory.absolute()):
            try:
                owner = Path(f"/proc/{named['pid']}").stat().st_uid
            except OSError:  # it runs in a container
                continue
            found.add((int(named["pid"]), owner, named["directory"]))
    return [SupervisorElsewhere(*one) for one in sorted(found)]


def describe(found: Sequence[SupervisorElsewhere]) -> str:
    """`user rtpipe runs one (pid 4711, RTPIPE_RUNTIME_DIR=/run/rtpipe)`."""
    words = [f"user {one.user} runs one (pid {one.pid}, runtime_dir {one.directory})" for one in found[:_LISTED]]
    more = len(found) - _LISTED
    return "; ".join(words) + (f"; and there are {more} more" if more > 0 else "")


def how_to_look(one: SupervisorElsewhere) -> str:
    """The command that shows its status, as it can be typed."""
    command = sys.argv[0] if sys.argv[0].endswith("/rtpipe") else "rtpipe"
    looks = f"RTPIPE_RUNTIME_DIR={shlex.quote(one.directory)} {shlex.quote(command)} status"
    return looks if os.geteuid() in {0, one.user_id} else f"sudo -u {shlex.quote(one.user)} env {looks}"
