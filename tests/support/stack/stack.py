"""One real embedded stack for a test session, shared by integration and crash tests."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from infra.stack.artifacts.cache import artifact_paths, cache_directory
from infra.stack.embedded_stack import down, up
from infra.stack.errors import PlatformError, PreflightError
from infra.stack.layout import StackOptions, new_layout
from infra.stack.services import control as service_control
from infra.stack.services import start as service_start
from infra.stack.services.mariadb import mariadb_service
from tests.support.pipeline.raw_clients import connect
from tests.support.stack.server_setting import SHARED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from infra.stack.state import Addresses
    from tests.support.stack.mysql_server import MysqlServer

_DEFAULTS = StackOptions()


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """Broker, registry and database, up for the whole session.

    Test processes that run side by side share them, but not in the fault suite, which kills brokers and servers.
    """
    if not is_shared(request.config):
        with running_stack(tmp_path_factory.mktemp("stack")) as addresses:
            yield addresses
        return
    home = tmp_path_factory.getbasetemp().parent
    user = home / f"stack-user-{os.environ['PYTEST_XDIST_WORKER']}"
    user.touch()
    with running_stack(home / "stack", done=lambda: _is_last(user)) as addresses:
        SHARED.add(addresses.admin_database_url)
        yield addresses


def is_shared(config: pytest.Config) -> bool:
    """Whether the stack is that of several test processes, so that nothing of its servers is this one's alone."""
    return "PYTEST_XDIST_WORKER" in os.environ and config.getoption("markexpr") == "not faults"


def _is_last(user: Path) -> bool:
    user.unlink()
    return not list(user.parent.glob("stack-user-*"))


@pytest.fixture(params=["MariaDB", "MySQL"])
def database(request: pytest.FixtureRequest, stack: Addresses) -> Addresses:
    """The stack, and the same with real MySQL in the place of MariaDB."""
    if request.param == "MariaDB":
        return stack
    return on_mysql(stack, request.getfixturevalue("mysql"))


@pytest.fixture(scope="session")
def own_mariadb(
    request: pytest.FixtureRequest, stack: Addresses, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    """The stack with a MariaDB that only this test process uses: for tests of what is the same for a whole server."""
    if not is_shared(request.config):
        yield stack
        return
    layout = new_layout(tmp_path_factory.mktemp("own"), StackOptions())
    service = mariadb_service(layout, artifact_paths(cache_directory()).mariadb)
    running = service_start.start(service, print)
    try:
        service_start.await_ready(service, running, threading.Event())
        urls = {name: url for name, url in dataclasses.asdict(layout.addresses).items() if "database" in name}
        yield dataclasses.replace(stack, **urls)
    finally:
        service_control.stop([running], grace=20)
        shutil.rmtree(layout.directory)


@pytest.fixture(params=["MariaDB", "MySQL"])
def own_database(request: pytest.FixtureRequest) -> Addresses:
    """As `database`, on servers that no other test process uses."""
    if request.param == "MariaDB":
        own: Addresses = request.getfixturevalue("own_mariadb")
        return own
    return on_mysql(request.getfixturevalue("stack"), request.getfixturevalue("mysql"))


def on_mysql(stack: Addresses, server: MysqlServer) -> Addresses:
    """The stack with this server in the place of MariaDB."""
    with contextlib.closing(connect(server.admin_url)) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE DATABASE IF NOT EXISTS bank")
        cursor.execute("CREATE USER IF NOT EXISTS 'consumer'@'%' IDENTIFIED BY 'consumer1!'")
    url = f"mysql+pymysql://consumer:consumer1%21@{server.host}:{server.port}/bank"
    return dataclasses.replace(
        stack, database_url=url, infra_database_url=f"{server.admin_url}bank", admin_database_url=server.admin_url
    )


@contextlib.contextmanager
def running_stack(
    directory: Path, options: StackOptions = _DEFAULTS, *, done: Callable[[], bool] = lambda: True
) -> Iterator[Addresses]:
    """A stack in `directory`; its programs come from the user's shared cache. Deleted afterwards if it is `done`."""
    try:
        addresses = up(directory, options)
        yield addresses
    except (PlatformError, PreflightError) as exc:
        pytest.skip(f"no embedded stack here: {exc.message} {exc.hint}")
    finally:
        if done():
            down(directory, purge=True)
