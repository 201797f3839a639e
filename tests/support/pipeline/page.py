"""The page of a pipeline's supervisor: where it is, whether it answers, its process."""

from __future__ import annotations

import socket
from urllib.error import URLError
from urllib.request import urlopen

import psutil


def free_port() -> int:
    """One that nobody listens at now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def page_variables() -> dict[str, str]:
    """For a supervisor whose page is looked at by nobody in particular."""
    return {"RTPIPE_PAGE_ADDRESS": f"127.0.0.1:{free_port()}"}


def answers(address: str) -> bool:
    """Whether there is a page that says 200."""
    try:
        with urlopen(address, timeout=5) as reply:
            return bool(reply.status == 200)
    except (URLError, OSError):
        return False


def companion(module: str) -> int:
    """The pid of a process beside the workers, of a supervisor that this test has started; 0: it is not there now."""
    mine = psutil.Process().children(recursive=True)
    return next((child.pid for child in mine if _runs(child, module)), 0)


def _runs(process: psutil.Process, module: str) -> bool:
    try:
        return module in process.cmdline()
    except psutil.Error:  # it has ended
        return False
