"""Who may speak to the page: names, origins, token, sessions."""

from __future__ import annotations

import importlib.util

import pytest
from starlette.requests import HTTPConnection

from rtpipe.errors import SettingsError
from supervisor.page.guard import COOKIE, Guard, is_known_host, is_same_origin
from supervisor.page.page_options import PageOptions, page_options
from supervisor.settings.fields.page_settings import PageSettings

TOKEN = "a-token-of-the-operator"
LOCAL = PageOptions("127.0.0.1", 8480, frozenset({"127.0.0.1", "localhost"}), TOKEN)
FAR = PageOptions("0.0.0.0", 8480, frozenset({"page.example"}), TOKEN, is_open=False)


def request(path: str = "/", **headers: str) -> HTTPConnection:
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": path, "headers": given, "query_string": b"", "server": ("x", 1), "scheme": "http"}
    return HTTPConnection(scope)


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ("localhost:8480", True),
        ("LOCALHOST", True),
        ("127.0.0.1:1", True),
        ("[::1]:8480", True),
        ("evil.example:8480", False),
        ("localhost.evil.example", False),
        ("", False),
        ("localhost:8480:8480", False),
    ],
)
def test_only_its_own_names_are_answered(header: str, known: bool) -> None:
    assert is_known_host(header, {"127.0.0.1", "localhost", "[::1]"}) is known


@pytest.mark.parametrize(
    ("origins", "same"),
    [
        ([], True),
        (["http://localhost:8480"], True),
        (["http://localhost:9999"], False),
        (["http://evil.example"], False),
        (["null"], False),
        (["http://localhost:8480", "http://evil.example"], False),
    ],
)
def test_no_other_site_may_use_it(origins: list[str], same: bool) -> None:
    assert is_same_origin(origins, "localhost:8480") is same


def test_on_loopback_everybody_reads_and_nobody_is_an_operator_without_the_token() -> None:
    guard = Guard(LOCAL)
    asked = request(host="localhost:8480")
    assert guard.refusal(asked) is None
    assert not guard.is_operator(asked)
    assert guard.is_operator(request(authorization=f"Bearer {TOKEN}"))
    assert not guard.is_operator(request(authorization=f"Bearer {TOKEN}x"))
    assert not guard.is_operator(request(authorization=f"Basic {TOKEN}"))


def test_without_a_token_nobody_can_become_an_operator() -> None:
    guard = Guard(PageOptions("127.0.0.1", 8480, frozenset({"localhost"})))
    assert guard.open_session("") is None
    assert not guard.is_operator(request(authorization="Bearer "))
    assert not guard.is_operator(request(cookie=f"{COOKIE}="))


def test_beyond_loopback_only_health_is_told_without_the_token() -> None:
    guard = Guard(FAR)
    for path, code in (("/", 401), ("/metrics", 401), ("/_nicegui_ws/", 401), ("/livez", None), ("/readyz", None)):
        refused = guard.refusal(request(path, host="page.example:8480"))
        assert (refused and refused[0]) == code, path
    assert guard.refusal(request("/metrics", host="page.example", authorization=f"Bearer {TOKEN}")) is None
    assert guard.refusal(request("/livez", host="other.example")) is not None


def test_a_session_is_opened_by_the_token_and_can_be_closed() -> None:
    guard = Guard(FAR)
    assert guard.open_session("wrong") is None
    session = guard.open_session(TOKEN)
    assert session
    assert TOKEN not in session
    signed = request("/", host="page.example", cookie=f"other=1; {COOKIE}={session}")
    assert guard.refusal(signed) is None
    guard.close_session(session)
    assert guard.refusal(signed) is not None


@pytest.mark.parametrize("address", ["0.0.0.0:8480", "[::]:1", "10.1.2.3:80", "page.example:80"])
def test_beyond_loopback_a_token_is_needed(address: str) -> None:
    with pytest.raises(SettingsError, match="no page_token"):
        page_options(PageSettings(page_address=address))
    found = page_options(PageSettings(page_address=address, page_token=TOKEN, page_hosts="page.example, Other"))
    assert not found.is_open
    assert {"page.example", "other", "localhost"} <= found.names


@pytest.mark.parametrize("address", ["127.0.0.1:8480", "localhost:1", "[::1]:80"])
def test_on_loopback_none_is_needed(address: str) -> None:
    assert page_options(PageSettings(page_address=address)).is_open


@pytest.mark.parametrize(
    ("field", "value"), [("page_address", "8480"), ("page_address", "a:99999"), ("page_token", "short")]
)
def test_settings_that_are_none(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=field):
        PageSettings(**{field: value})


def test_the_token_is_in_no_text_of_the_options() -> None:
    assert TOKEN not in repr(FAR)


def test_without_its_packages_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SettingsError, match="nicegui") as told:
        page_options(PageSettings())
    assert "rtpipe[page]" in told.value.hint
