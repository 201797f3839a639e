"""Who looks at a page while rtpipe is measured: a scrape of its metrics each second, and a browser if there is one.

They take only what nobody else wants of the processors, since they are on other machines where rtpipe is at work. What
the page's own process does for them counts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from urllib.error import URLError
from urllib.request import urlopen

#: Seconds between two scrapes, and the longest wait for an answer.
_EVERY, _PATIENCE = 1.0, 5.0


def main(address: str) -> None:
    """Look until a signal ends it; says at the end how often the metrics were there."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    scrapes, opened = 0, False
    with contextlib.ExitStack() as looking:
        looking.callback(lambda: print(f"onlookers: {scrapes} scrapes, a browser: {opened}", flush=True))
        while True:
            if _scrape(address):
                scrapes += 1
                if not opened and (chromium := shutil.which("chromium")):
                    opened = True
                    looking.enter_context(_browser(chromium, address))
            time.sleep(_EVERY)


def _scrape(address: str) -> bool:
    with contextlib.suppress(URLError, OSError), urlopen(f"http://{address}/metrics", timeout=_PATIENCE) as answer:
        return bool(answer.read())
    return False


@contextlib.contextmanager
def _browser(chromium: str, address: str) -> Iterator[None]:
    """With the overview open."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - heavy, and not needed where there is no browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        browser.new_page().goto(f"http://{address}/")
        yield
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
