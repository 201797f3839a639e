"""Hosts with networks of their own: a network namespace each, with a link to Kafka and one to the database, which are
cut as a cable is: nothing arrives, and nobody is told.

That needs root and Linux's `ip`. Elsewhere all are in one network, and what is cut is a proxy that swallows everything.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Literal

import pytest
from sqlalchemy.engine import make_url

from infra.stack.layout import StackOptions
from infra.stack.ports import pick_ports
from infra.stack.services import kafka as kafka_service
from tests.support.faults.tally import TALLY
from tests.support.faults.tcp_proxy import HOST, TcpProxy, tcp_proxy
from tests.support.stack.stack import running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.stack.state import Addresses

Link = Literal["kafka", "database"]
LINKS: tuple[Link, ...] = ("kafka", "database")


class Network:
    """That of one host. `at`: the address of our end of each link; `prefix`: how a command runs inside."""

    def __init__(self, number: int, *, own: bool) -> None:
        self.at: dict[Link, str] = dict.fromkeys(LINKS, HOST)
        self.prefix: tuple[str, ...] = ()
        self.proxies: dict[Link, list[TcpProxy]] = {link: [] for link in LINKS}
        self.addresses: Addresses  #: how this host reaches the services
        self._name = f"rt{os.getpid()}-{number}"
        if own:
            self.prefix = ("ip", "netns", "exec", self._name)
            ip(f"netns add {self._name}")
            for index, link in enumerate(LINKS):
                subnet = f"10.{100 + os.getpid() % 100}.{2 * number + index}"
                self.at[link] = f"{subnet}.1"
                ip(f"link add {self._end(link)} type veth peer name {link} netns {self._name}")
                ip(f"address add {subnet}.1/24 dev {self._end(link)}")
                ip(f"link set {self._end(link)} up")
                ip(f"-n {self._name} address add {subnet}.2/24 dev {link}")
                ip(f"-n {self._name} link set {link} up")

    def _end(self, link: Link) -> str:
        return f"{self._name}{link[0]}"

    @contextlib.contextmanager
    def cut(self, *links: Link) -> Iterator[None]:
        """Nothing goes through meanwhile."""
        with contextlib.ExitStack() as cut:
            for link in links:
                if self.prefix:
                    ip(f"link set {self._end(link)} down")
                    cut.callback(ip, f"link set {self._end(link)} up")
                else:
                    for proxy in self.proxies[link]:
                        cut.enter_context(proxy.swallowing())
            TALLY.hit()
            yield

    def close(self) -> None:
        if self.prefix:
            ip(f"netns delete {self._name}")  # with its links


def ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True, capture_output=True)


def networks_are_possible() -> bool:
    """Whether this machine lets us make network namespaces and links between them."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    try:
        Network(99, own=True).close()
    except subprocess.CalledProcessError:
        return False
    return True


@contextlib.contextmanager
def networks(directory: Path, count: int) -> Iterator[tuple[Addresses, list[Network]]]:
    """A stack, and so many hosts' networks, from which it is reached by way of proxies."""
    own = networks_are_possible()
    print(f"{count} hosts in {'network namespaces' if own else 'one network, behind proxies'}")
    port, *behind = pick_ports(1 + count, besides=set())
    plain = kafka_service._properties
    with contextlib.ExitStack() as opened:
        made = [Network(number, own=own) for number in range(1, count + 1)]
        for network, hidden in zip(made, behind, strict=True):
            opened.callback(network.close)
            _add_proxy(opened, network, "kafka", (HOST, hidden))

        def properties(*of: object) -> dict[str, object]:
            """The broker has one more address for each host."""
            found = plain(*of)  # type: ignore[arg-type]
            names = [f"HOST{number}" for number in range(count)]
            for name, network, hidden in zip(names, made, behind, strict=True):
                found["listeners"] = f"{found['listeners']},{name}://{HOST}:{hidden}"
                at = f"{network.at['kafka']}:{network.proxies['kafka'][0].port}"
                found["advertised.listeners"] = f"{found['advertised.listeners']},{name}://{at}"
            protocols = ",".join(f"{name}:PLAINTEXT" for name in ("PLAINTEXT", "CONTROLLER", *names))
            return found | {"listener.security.protocol.map": protocols}

        with pytest.MonkeyPatch.context() as patch:  # for this stack alone
            patch.setattr(kafka_service, "_properties", properties)
            stack = opened.enter_context(running_stack(directory, StackOptions(kafka_port=port)))
        for network in made:
            _reach(opened, network, stack)
        yield stack, made


def _reach(opened: contextlib.ExitStack, network: Network, stack: Addresses) -> None:
    """Registry and database, too; the registry goes by Kafka's link."""
    registry, database = make_url(stack.schema_registry_url), make_url(stack.database_url)
    of_registry = _add_proxy(opened, network, "kafka", (HOST, registry.port or 0))
    of_database = _add_proxy(opened, network, "database", (HOST, database.port or 0))
    network.addresses = dataclasses.replace(
        stack,
        bootstrap_servers=f"{network.at['kafka']}:{network.proxies['kafka'][0].port}",
        schema_registry_url=str(registry.set(host=network.at["kafka"], port=of_registry.port)),
        database_url=database.set(host=network.at["database"], port=of_database.port).render_as_string(
            hide_password=False
        ),
    )


def _add_proxy(opened: contextlib.ExitStack, network: Network, link: Link, target: tuple[str, int]) -> TcpProxy:
    proxy = opened.enter_context(tcp_proxy(target, at=(network.at[link], 0)))
    network.proxies[link].append(proxy)
    return proxy
