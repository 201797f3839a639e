"""The page in a real browser on a moving stream. Its pictures are those of the docs, if RTPIPE_PICTURES is set."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.browser import needs_chromium, opened, picture
from tests.support.pipeline.page import answers, companion, free_port
from tests.support.pipeline.pipeline import Pipeline
from tests.support.pipeline.processes import kill
from tests.support.pipeline.supervision import running
from tests.support.waits import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from infra.stack.state import Addresses

TOKEN = "the-token-of-an-operator"
LATE = {"late_after": 3_000}
#: Messages.
_FAR_BEHIND = 2_000

pytestmark = needs_chromium


@contextmanager
def pipeline_with_page(stack: Addresses, directory: Path, **settings: Any) -> Iterator[tuple[Pipeline, str]]:
    """Two topics whose names can be read; the address of their page."""
    end = uuid.uuid4().hex[:4]
    pipeline = Pipeline(
        stack, directory, [f"orders_{end}", f"payments_{end}"], settings={"late_after": 3_000} | settings
    )
    pipeline.create()
    token = directory / "token"
    token.touch(mode=0o600)
    token.write_text(TOKEN)
    address = f"127.0.0.1:{free_port()}"
    try:
        environment = {"RTPIPE_PAGE_ADDRESS": address, "RTPIPE_PAGE_TOKEN_FILE": str(token)}
        supervisor = pipeline.supervise("--page", env=environment)
        eventually(lambda: answers(f"http://{address}/readyz"), within=90, what="all partitions run")
        yield pipeline, f"http://{address}"
        supervisor.terminate()
        supervisor.wait(60)
    finally:
        pipeline.kill_all()
    assert TOKEN not in pipeline.log.read_text()


def test_the_page_on_a_moving_stream(
    stack: Addresses, browser: Browser, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with pipeline_with_page(stack, tmp_path) as (pipeline, base), pipeline.stream(rate=400):
        orders, payments = pipeline.topics
        with opened(browser, base) as overview:
            overview.get_by_text("All 6 partitions run").wait_for()
            overview.get_by_role("row", name=orders).click()
            overview.get_by_role("link", name="/0").first.wait_for()
            victim = next(p for p in eventually(lambda: running(pipeline), within=60) if p["topic"] == orders)
            at = f"{base}/partition/{orders}/{victim['partition']}"
            with opened(browser, at) as partition:
                partition.get_by_text("None since the supervisor started.").first.wait_for()
                kill(victim["pid"])
                killed_at = time.monotonic()
                partition.get_by_text("the consumer was killed by SIGKILL").first.wait_for()
                record_property("a kill is shown after", f"a kill is shown after {time.monotonic() - killed_at:.2f} s")
                partition.get_by_text("running", exact=False).first.wait_for()
            lag_grows_and_shrinks(browser, f"{base}/topic/{orders}")
            pipeline.send(payments, b"no avro at all", partition=1)
            overview.get_by_text(f"{payments}/1 has been held").wait_for()
            overview.get_by_text(f"rtpipe resume {payments}/1").first.wait_for()
            assert not answers(f"{base}/readyz")
        with opened(browser, f"{base}/partition/{payments}/1") as partition:
            partition.get_by_text("■ held").wait_for()
            partition.get_by_text("Repair the cause, then").wait_for()
            partition.get_by_role("button", name="1 h", exact=True).click()
            partition.get_by_text("Time of a batch").wait_for(state="hidden")
            assert partition.get_by_role("button", name="Pause").count() == 0
        take_pictures(browser, base, orders, victim["partition"], tmp_path)
        kill(companion("supervisor.page.page_process"))
        eventually(lambda: answers(f"{base}/livez"), within=60, what="the page is started again")


def lag_grows_and_shrinks(browser: Browser, address: str) -> None:
    """While the operator has paused a topic, and after it was resumed."""
    with opened(browser, address) as page:
        sign_in(page)
        page.goto(address)
        act(page, "Pause")
        eventually(lambda: lag_of(page) > _FAR_BEHIND, within=60, what="the lag grows")
        act(page, "Resume")
        eventually(lambda: lag_of(page) < _FAR_BEHIND // 4, within=60, what="the lag shrinks")


def lag_of(page: Page) -> int:
    """As the page shows it; 0 where it does not know."""
    page.wait_for_timeout(100)  # the page is seen by its own thread alone
    text = page.locator(".numbers > div", has=page.get_by_text("lag", exact=True)).locator(".value").inner_text()
    return 0 if text == "-" else int(text.replace(",", ""))


def act(page: Page, verb: str) -> None:
    page.get_by_role("button", name=verb, exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=verb).click()


def test_a_dead_letter_is_retried_and_its_row_is_beside_it(stack: Addresses, browser: Browser, tmp_path: Path) -> None:
    with pipeline_with_page(stack, tmp_path, on_error="dead_letter") as (pipeline, base):
        topic = pipeline.topics[0]
        pipeline.query(f"ALTER TABLE `{topic}` ADD CONSTRAINT `{topic}_c` CHECK (seq < 4711)")
        for seq in (5_000, 5_001, 5_002):
            pipeline.send(topic, pipeline.body(topic, "k", seq, f"a note of <b>{seq}</b>"), key="k")
        pipeline.send(pipeline.topics[1], b"no avro at all")
        with opened(browser, f"{base}/dead-letters") as page:
            page.get_by_role("cell", name="E_VALUE").first.wait_for()
            page.get_by_text("Whoever signs in with the operator's token").wait_for()
            assert page.get_by_role("button").count() == 0
            sign_in(page)
            page.goto(f"{base}/dead-letters")
            page.get_by_text(f"4 dead letters: {topic} E_VALUE 3").wait_for()
            choose(page, "Topic", topic)
            choose(page, "Reason", "E_VALUE")
            page.get_by_role("button", name="Show").click()
            page.get_by_text(f"3 dead letters: {topic} E_VALUE 3.").wait_for()
            picture(page, "dead-letters", tmp_path)
            page.get_by_role("button", name="Open").first.click()
            page.get_by_role("dialog").get_by_text("a note of <b>5002</b>").wait_for()
            page.get_by_role("dialog").get_by_role("button", name="Retry").click()
            page.get_by_role("dialog").get_by_text("Done: 1 refused again.").wait_for()
            pipeline.query(f"ALTER TABLE `{topic}` DROP CONSTRAINT `{topic}_c`")
            page.get_by_role("dialog").get_by_role("button", name="Close").click()
            page.get_by_role("button", name="Open").first.click()
            page.get_by_role("dialog").get_by_role("button", name="Retry").click()
            page.get_by_role("dialog").get_by_text("Done: 1 written.").wait_for()
            page.get_by_role("dialog").get_by_text("● row").wait_for()
            picture(page, "retried", tmp_path)
            page.get_by_role("dialog").get_by_role("button", name="Close").click()
            page.get_by_role("button", name="Retry all 2").click()
            page.get_by_role("dialog").get_by_text(f"Retry 2 dead letters of {topic} with E_VALUE?").wait_for()
            page.get_by_role("dialog").get_by_role("button", name="Retry").click()
            page.get_by_role("dialog").get_by_text("Done: 2 written.").wait_for()
            page.get_by_role("dialog").get_by_role("link", name=f"{topic}/0 1").click()
            page.get_by_text("● row").wait_for()
            page.get_by_role("button", name="Next").click()
            page.get_by_role("cell", name="5002").first.wait_for()
        assert {row[0] for row in pipeline.query(f"SELECT seq FROM `{topic}`")} == {5_000, 5_001, 5_002}
        retried = pipeline.events("dead_letters_retried")
        assert [(entry["topic"], entry["page_client"]) for entry in retried] == [(topic, "127.0.0.1")] * 3


def sign_in(page: Page) -> None:
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("The operator's token").fill(TOKEN)
    page.get_by_role("button").click()
    page.get_by_role("link", name="Sign out").wait_for()


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_label(label).click()
    page.get_by_role("option", name=option).click()


def take_pictures(browser: Browser, base: str, topic: str, partition: int, directory: Path) -> None:
    for scheme, width, name in (("light", 1280, "light"), ("dark", 1280, "dark"), ("light", 390, "narrow")):
        with opened(browser, base, scheme=scheme, width=width) as overview:
            overview.get_by_text("has been held").first.wait_for()
            assert overview.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            picture(overview, name, directory)
    with opened(browser, f"{base}/partition/{topic}/{partition}", scheme="dark") as page:
        page.get_by_text("SIGKILL").first.wait_for()
        picture(page, "partition", directory)
    with opened(browser, f"{base}/activity") as page:
        page.get_by_text("worker_halted").wait_for()
        picture(page, "activity", directory)


def test_only_the_operator_steers(stack: Addresses, browser: Browser, tmp_path: Path) -> None:
    with pipeline_with_page(stack, tmp_path) as (pipeline, base):
        topic = pipeline.topics[0]
        with opened(browser, f"{base}/topic/{topic}") as page:
            page.get_by_role("link", name=f"{topic}/2").wait_for()
            assert page.get_by_role("button").count() == 0
            page.get_by_role("link", name="Sign in").click()
            page.get_by_label("The operator's token").fill("not the token")
            page.get_by_role("button").click()
            page.get_by_text("That is not the token.").wait_for()
            page.get_by_label("The operator's token").fill(TOKEN)
            page.get_by_role("button").click()
            page.get_by_role("link", name="Sign out").wait_for()
            page.goto(f"{base}/partition/{topic}/2")
            act(page, "Pause")
            page.get_by_text("‖ paused").first.wait_for()
            act(page, "Resume")
            page.get_by_text("▸ running").first.wait_for()
            page.goto(f"{base}/topic/{topic}")
            page.get_by_role("button", name="Limit", exact=True).click()
            page.get_by_label("Rows a second").fill("500")
            page.get_by_role("dialog").get_by_role("button", name="Limit").click()
            page.locator(".numbers").get_by_text("500 rows/s").wait_for()
            page.goto(f"{base}/partition/{topic}/2")
            act(page, "Drain")
            page.get_by_text("○ stopped").first.wait_for()
            [cookie] = page.context.cookies()
            assert (cookie["sameSite"], cookie["httpOnly"]) == ("Strict", True)
            assert TOKEN not in cookie["value"] + page.content()
        acts = {"partition_paused", "partition_resumed", "topic_limited", "partition_drained"}
        assert "by the operator at 127.0.0.1 on the page of " in pipeline.events("partition_paused")[0]["msg"]
        assert acts <= {entry.get("event") for entry in pipeline.entries()}
