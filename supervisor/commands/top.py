"""`rtpipe top`."""

from __future__ import annotations

import sys


def top() -> None:
    """Watch and steer the partitions of the supervisors that run here, live in the terminal; also over ssh.

    / filters, s sorts, p pauses, r resumes, R restarts, l shows the log of one, e its errors, q quits.

    Examples:
      rtpipe top

    """
    from rtpipe.errors import SettingsError

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingsError("`rtpipe top` needs a terminal", hint="elsewhere: rtpipe status, or rtpipe status --json")
    try:
        import textual  # noqa: F401
    except ModuleNotFoundError:
        raise SettingsError(
            "`rtpipe top` needs Textual",
            hint="install rtpipe with its extra `top`: pip install '/path/to/rtpipe[top]'; or use rtpipe status",
        ) from None
    from supervisor.control.control_socket import runtime_directory
    from supervisor.settings.settings import load
    from supervisor.top.supervisors import Supervisors
    from supervisor.top.top_app import TopApp

    TopApp(Supervisors(runtime_directory(load().runtime_dir))).run()
