"""Who runs this command, for what others read of it later."""

from __future__ import annotations

import getpass
import os
import socket


def user_name() -> str:
    """The user's name, or number where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.geteuid()}"


def acting_person() -> str:
    """`alice on db-host`, in 190 characters at most."""
    return f"{user_name()[:60]} on {socket.gethostname()[:120]}"
