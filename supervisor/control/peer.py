"""Who speaks to the supervisor's socket, as the kernel knows it."""

from __future__ import annotations

import os
import pwd
import socket
import struct
from dataclasses import dataclass

_CREDENTIALS = struct.Struct("3i")  #: pid, user, group


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end."""

    pid: int  #: 0 if it is in another container
    user_id: int
    named: str = ""  #: for whom it asks, if it says so: somebody on another host

    @property
    def user(self) -> str:
        """The name of its user, or of the one for whom it asks."""
        return self.named or user_name(self.user_id)

    @property
    def may_ask(self) -> bool:
        """Whether it is of the supervisor's own user, or root's."""
        return self.user_id in {0, os.geteuid()}


def peer_of(link: socket.socket) -> Peer:
    """Whoever connected to a Unix socket. Raises OSError if the kernel does not say."""
    said = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, user_id, _ = _CREDENTIALS.unpack(said)
    return Peer(pid, user_id)


def user_name(user_id: int) -> str:
    """The name of a user; the number of a user without a name."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"#{user_id}"
