"""Settings -> what the page's process is started with."""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Self

from rtpipe.errors import SettingsError
from supervisor.settings.fields.page_settings import PageSettings

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True, slots=True)
class PageOptions:
    """Where the page listens, and to whom."""

    host: str  #: without brackets
    port: int
    names: frozenset[str]  #: the hosts that a request may name, without a port
    token: str = field(default="", repr=False)  #: "" if nothing can be changed from the page
    is_open: bool = True  #: to everybody who reaches it: it listens on loopback alone
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)  #: of settings, for the operator's commands

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        anywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - read, not listened at
        host = anywhere.get(self.host, f"[{self.host}]" if ":" in self.host else self.host)
        return f"http://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PageStart:
    """What the process is told at its start: by a line of its standard input, since arguments are seen by everybody."""

    socket: str  #: of the supervisor
    log_format: str
    log_level: str
    options: PageOptions
    history: str = ""  #: its file; "": none is kept
    host: str = ""  #: this one's name among those that share partitions; "": it shares none

    def as_line(self) -> bytes:
        """As JSON."""
        names = {"names": sorted(self.options.names)}
        return json.dumps(asdict(self) | {"options": asdict(self.options) | names}).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """The inverse of as_line."""
        said = json.loads(line)
        options = said.pop("options")
        return cls(**said, options=PageOptions(**options | {"names": frozenset(options["names"])}))


def page_options(settings: PageSettings, variables: Mapping[str, str] | None = None) -> PageOptions:
    """SettingsError if the page's packages are missing, or if strangers could reach it without a token.

    `variables`: the settings of this run, for commands that the page runs; it gets them only if it has an operator.
    """
    if missing := missing_packages():
        raise SettingsError(
            f"--page needs packages that are not installed ({', '.join(missing)})",
            hint="install rtpipe with its extra `page`: pip install '/path/to/rtpipe[page]'",
        )
    given, _, port = settings.page_address.rpartition(":")
    token = settings.page_token.get_secret_value()
    is_open = is_loopback(given.strip("[]"))
    if not is_open and not token:
        raise SettingsError(
            f"page_address = {settings.page_address} can be reached from other machines, and there is no page_token",
            hint="name a file with a token by RTPIPE_PAGE_TOKEN_FILE, or listen on 127.0.0.1",
        )
    more = {name.strip().lower() for name in settings.page_hosts.split(",") if name.strip()}
    own = set() if is_open else {given.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}
    names, host = _LOOPBACK | own | more, given.strip("[]")
    return PageOptions(host, int(port), names, token, is_open, variables if token and variables else {})


def missing_packages() -> list[str]:
    """Of the extra `page`."""
    return [name for name in ("nicegui", "prometheus_client") if importlib.util.find_spec(name) is None]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
