"""What each address answers: codes, bodies, and that nobody else's page may ask."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from supervisor.page.app import make_app
from supervisor.page.feed import Feed
from supervisor.page.guard import Guard
from supervisor.page.health import STILL_ALIVE, liveness
from supervisor.page.page_options import PageOptions
from tests.support.samples.statuses import pipeline_status

OPTIONS = PageOptions("127.0.0.1", 8480, frozenset({"localhost"}))


def client(*changes: dict[str, Any], silent: bool = False, options: PageOptions = OPTIONS) -> TestClient:
    feed = Feed(lambda _command, **_arguments: None)
    if not silent:
        feed.take(pipeline_status(*changes).to_json())
    return TestClient(make_app(feed, Guard(options)), base_url="http://localhost:8480")


def test_alive_and_ready() -> None:
    page = client({}, {})
    assert page.get("/livez").status_code == page.get("/healthz").status_code == 200
    ready = page.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "not_ready": []})


def test_not_ready_says_who_and_why() -> None:
    told = client({}, {"state": "waiting", "reason": "database: gone"}).get("/readyz")
    assert told.status_code == 503
    assert told.json()["not_ready"] == [{"who": "orders/1", "state": "waiting", "reason": "database: gone"}]


def test_a_supervisor_that_has_not_answered_is_not_ready_and_has_no_status() -> None:
    page = client(silent=True)
    assert page.get("/readyz").json()["not_ready"][0]["state"] == "silent"
    assert page.get("/readyz").status_code == page.get("/api/v1/status").status_code == 503


def test_a_loop_that_answers_no_more_is_not_alive() -> None:
    assert liveness(STILL_ALIVE - 1)[0] == 200
    assert liveness(STILL_ALIVE)[0] == 503


def test_the_status_is_what_the_command_prints() -> None:
    told = client({}).get("/api/v1/status").json()
    status = json.loads(json.dumps(pipeline_status({}).to_json()))
    assert told == {"schema_version": 3, "supervisors": [status]}


@pytest.mark.parametrize(("accept", "kind"), [("", "text/plain"), ("application/openmetrics-text", "openmetrics")])
def test_metrics_in_the_format_that_is_asked_for(accept: str, kind: str) -> None:
    told = client({}).get("/metrics", headers={"accept": accept})
    assert kind in told.headers["content-type"]
    assert "rtpipe_worker_up{" in told.text


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"host": "evil.example"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://localhost:8480"}, 200),
    ],
)
def test_names_and_origins_are_checked(headers: dict[str, str], code: int) -> None:
    assert client({}).get("/api/v1/status", headers=headers).status_code == code


def test_a_web_socket_of_another_site_is_refused() -> None:
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        client({}).websocket_connect("/_nicegui_ws/socket.io", headers={"origin": "http://evil.example"}),
    ):
        pytest.fail("it was opened")
    assert refused.value.code == 1008


def test_beyond_loopback_a_browser_is_led_to_the_token_and_a_tool_is_told() -> None:
    far = PageOptions("0.0.0.0", 8480, frozenset({"localhost"}), "a-token-of-the-operator", is_open=False)
    page = client({}, options=far)
    assert page.get("/metrics").status_code == 401
    led = page.get("/metrics", headers={"accept": "text/html"}, follow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (303, "/sign-in")
    assert page.get("/metrics", headers={"authorization": "Bearer a-token-of-the-operator"}).status_code == 200
