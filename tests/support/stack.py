"""One real embedded stack for a test session, shared by integration and crash tests."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from typing import TYPE_CHECKING

import pytest

from infra.stack.embedded_stack import down, up
from infra.stack.errors import PlatformError, PreflightError
from infra.stack.layout import StackOptions
from tests.support.pipeline import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from infra.stack.state import Addresses
    from tests.support.mysql_server import MysqlServer

_DEFAULTS = StackOptions()


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """Broker, registry and database, up for the whole session.

    Test processes that run side by side share them, but not in the fault suite, which kills brokers and servers.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None or request.config.getoption("markexpr") != "not faults":
        with running_stack(tmp_path_factory.mktemp("stack")) as addresses:
            yield addresses
        return
    home = tmp_path_factory.getbasetemp().parent
    user = home / f"stack-user-{worker}"
    user.touch()
    with running_stack(home / "stack", done=lambda: _is_last(user)) as addresses:
        yield addresses


def _is_last(user: Path) -> bool:
    user.unlink()
    return not list(user.parent.glob("stack-user-*"))


@pytest.fixture(params=["MariaDB", "MySQL"])
def database(request: pytest.FixtureRequest, stack: Addresses) -> Addresses:
    """The stack, and the same with real MySQL in the place of MariaDB."""
    if request.param == "MariaDB":
        return stack
    return on_mysql(stack, request.getfixturevalue("mysql"))


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
