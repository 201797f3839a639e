"""The page of one of several hosts in a real browser: it shows them all, and what is asked there reaches the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.browser import needs_chromium, opened, picture
from tests.support.pipeline.hosts import Host, wait_spread
from tests.support.pipeline.page import answers, free_port
from tests.support.pipeline.pipeline import running_pipeline
from tests.support.waits import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from infra.stack.state import Addresses

TOKEN = "the-token-of-an-operator"

pytestmark = needs_chromium


def sign_in(page: Page) -> None:
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("The operator's token").fill(TOKEN)
    page.get_by_role("button").click()
    page.get_by_role("link", name="Sign out").wait_for()


def test_it_shows_all_hosts_and_an_act_reaches_the_one_that_has_the_partition(
    stack: Addresses, browser: Browser, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text(TOKEN)
    with running_pipeline(stack, tmp_path, partitions=4) as pipeline:
        address = f"127.0.0.1:{free_port()}"
        shown = Host(pipeline, "host-1", {"RTPIPE_PAGE_ADDRESS": address, "RTPIPE_PAGE_TOKEN_FILE": str(token)})
        other = Host(pipeline, "host-2", {})
        try:
            shown.start("--page")
            other.start()
            assert wait_spread([shown, other]) == [2, 2]
            eventually(lambda: answers(f"http://{address}/readyz"), within=90, what="the page is there")
            pipeline.produce(200)
            look_and_act(browser, f"http://{address}", shown, other, tmp_path)
        finally:
            for host in (shown, other):
                host.pipeline.kill_all()


def look_and_act(browser: Browser, base: str, shown: Host, other: Host, directory: Path) -> None:
    [its, *_] = sorted(other.partitions())
    topic = its.rpartition("/")[0]
    with opened(browser, base) as overview:
        overview.get_by_text("All 4 partitions run").wait_for()
        overview.get_by_role("cell", name="2 of 2").nth(1).wait_for()
        overview.get_by_role("cell", name="2 hosts").wait_for()
        overview.get_by_role("row", name=topic).click()
        overview.get_by_role("cell", name="host-2").nth(2).wait_for()
        sign_in(overview)
        overview.goto(f"{base}/partition/{its}")
        overview.get_by_text("The host host-2 has it").wait_for()
        overview.get_by_role("button", name="Pause", exact=True).click()
        overview.get_by_role("dialog").get_by_role("button", name="Pause").click()
        overview.get_by_text("‖ paused").first.wait_for()
        [told] = other.events("partition_paused")
        assert (told["partition"], told["page_client"]) == (its, "127.0.0.1")
        assert "by the operator at 127.0.0.1 on the page of " in told["msg"]
        other.kill()
        overview.goto(base)
        overview.get_by_text("■ silent for").first.wait_for()
        overview.get_by_text("Also the host host-2 is silent for").wait_for()
        eventually(lambda: len(shown.partitions()) == 4, within=60, what="this host has all")
    with opened(browser, base, scheme="dark") as page:
        page.get_by_text("■ silent for").first.wait_for()
        picture(page, "hosts", directory)
    with opened(browser, base, width=390) as page:
        page.get_by_text("■ silent for").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.screenshot(path=directory / "hosts-narrow.png", full_page=True)
    assert shown.run("status", "--all-hosts").returncode == 3
    forgotten = shown.run("status", "--all-hosts", "--forget", "host-2", "--json")
    assert forgotten.returncode == 0, forgotten.stderr
    assert [one["instance_id"] for one in json.loads(forgotten.stdout)["hosts"]] == ["host-1"]
