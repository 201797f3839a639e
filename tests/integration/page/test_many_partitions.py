"""The page of 200 partitions: the real process and a real browser, in front of a supervisor that is played."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import psutil

from supervisor.control.control_socket import ControlServer, Reply, Request
from supervisor.page.page_options import PageOptions, PageStart
from tests.support.browser import needs_chromium, opened, picture
from tests.support.pipeline.page import answers, free_port
from tests.support.samples.statuses import pipeline_status
from tests.support.waits import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = needs_chromium
TOPICS, PARTITIONS = 20, 10
#: Answers of the supervisor over which is measured.
_MEASURED = 20


class Played:
    """A supervisor of 200 partitions, each of which has other numbers in each answer; one is held, one is late."""

    def __init__(self, path: Path) -> None:
        self._server = ControlServer(str(path))
        self._numbers = random.Random(0)
        self.answers = 0

    def status(self, _: Request) -> Reply:
        self.answers += 1
        changes = [
            {
                "topic": f"topic_{number // PARTITIONS:02}",
                "partition": number % PARTITIONS,
                "offset": (offset := 1_000 * self.answers + self._numbers.randrange(500)),
                "end_offset": offset + self._numbers.randrange(900),
                "rows_per_second": self._numbers.uniform(800, 1_200),
                "lag_seconds": 0.4,
            }
            for number in range(TOPICS * PARTITIONS)
        ]
        changes[137] |= {"state": "halted", "condition": "held", "reason": "E_DATA: no row", "condition_seconds": 61.0}
        changes[42] |= {"condition": "late", "condition_reason": "its oldest message has waited for 90 s"}
        return pipeline_status(*changes).to_json()

    @contextmanager
    def answering(self) -> Iterator[None]:
        woken = threading.Event()
        self._server.open(woken.set)
        ended = threading.Event()

        def loop() -> None:
            while not ended.is_set():
                woken.wait(0.2)
                woken.clear()
                self._server.answer({"status": self.status})

        thread = threading.Thread(target=loop)
        thread.start()
        yield
        ended.set()
        thread.join()
        self._server.close()


@contextmanager
def page_of(socket: Path) -> Iterator[tuple[psutil.Process, str]]:
    """The page's process and its address."""
    options = PageOptions("127.0.0.1", free_port(), frozenset({"127.0.0.1"}))
    command = [sys.executable, "-P", "-m", "supervisor.page.page_process"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(PageStart(str(socket), "json", "INFO", options).as_line())
    process.stdin.flush()
    address = f"http://127.0.0.1:{options.port}"
    try:
        eventually(lambda: answers(f"{address}/livez"), within=60, what="the page is there")
        yield psutil.Process(process.pid), address
    finally:
        process.stdin.close()
        process.wait(30)


def test_they_hold(browser: Browser, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    played = Played(tmp_path / "supervisor-1.sock")
    with played.answering(), page_of(tmp_path / "supervisor-1.sock") as (process, address):
        with opened(browser, address) as overview:
            overview.get_by_text("topic_13/7 has been held").first.wait_for()
            overview.get_by_role("link", name="/7").wait_for()
            names = overview.locator("tr.topic a").all_inner_texts()
            assert (len(names), names[0], names[1]) == (TOPICS, "topic_13", "topic_04")
            share, slowest = measured(played, process, f"{address}/metrics")
            picture(overview, "200-partitions", tmp_path)
        record_property(
            "200 partitions",
            f"the page of 200 partitions took {share:.1%} of a core, with a browser and a scrape a second; "
            f"the slowest scrape took {slowest * 1e3:.0f} ms",
        )


def measured(played: Played, process: psutil.Process, address: str) -> tuple[float, float]:
    """Share of a core, and seconds of the slowest scrape, while the supervisor answers some times."""
    first, began, used, slowest = played.answers, time.monotonic(), sum(process.cpu_times()[:2]), 0.0
    while played.answers < first + _MEASURED:
        seen, asked_at = played.answers, time.monotonic()
        with urlopen(address, timeout=30) as answer:
            assert answer.read().count(b"rtpipe_worker_up{") == TOPICS * PARTITIONS
        slowest = max(slowest, time.monotonic() - asked_at)
        eventually(lambda: played.answers > seen, within=30, what="the supervisor is asked again")  # noqa: B023 - of now
    return (sum(process.cpu_times()[:2]) - used) / (time.monotonic() - began), slowest
