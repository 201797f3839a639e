"""The page's process: a web server, and the feed beside it.

Its first line of standard input is what it is started with, as JSON: a token has no place among arguments. It ends
when its standard input ends, so also when the supervisor was killed.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path

import uvicorn

from rtpipe.log import get_logger, log_to_stderr
from supervisor.control.control_socket import ask
from supervisor.page.app import make_app
from supervisor.page.commands import Commands
from supervisor.page.feed import Feed
from supervisor.page.guard import Guard
from supervisor.page.page_options import PageStart
from supervisor.page.past import Past
from supervisor.page.views.pages import add_pages

log = get_logger("page")


def main() -> None:
    """Serve until standard input ends."""
    line = sys.stdin.buffer.readline()
    if not line:
        return
    start = PageStart.from_line(line)
    log_to_stderr(start.log_format, start.log_level)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor, which ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(start)


def serve(start: PageStart) -> None:
    """The page of one supervisor."""
    options = start.options
    feed, guard = Feed(partial(ask, Path(start.socket)), host=start.host), Guard(options)
    app = make_app(feed, guard)
    add_pages(app, feed, guard, Commands(options.variables), Past(start.history))
    logging.getLogger("uvicorn.error").addHandler(_Said())
    config = uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="on",
        timeout_graceful_shutdown=1,
    )
    log.info("the page is at %s", options.url, extra={"event": "page_opened"})
    uvicorn.Server(config).run()


class _Said(logging.Handler):
    """What the server says of trouble, such as a port that is taken, in our log."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            log.warning("%s", record.getMessage(), exc_info=record.exc_info, extra={"event": "page_trouble"})


def _end_with_parent() -> None:
    while sys.stdin.buffer.readline():
        pass
    os._exit(0)  # nothing here is worth a word: whoever looks at the page sees that it is gone


if __name__ == "__main__":
    main()
