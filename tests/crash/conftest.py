"""Both databases for tests in which the database matters."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

import pytest

from tests.pipeline import connect

if TYPE_CHECKING:
    from infra.stack_state import Addresses
    from tests.mysql_server import MysqlServer


@pytest.fixture(params=["MariaDB", "MySQL"])
def database(request: pytest.FixtureRequest, stack: Addresses) -> Addresses:
    """The stack, and the same with real MySQL in the place of MariaDB."""
    if request.param == "MariaDB":
        return stack
    server: MysqlServer = request.getfixturevalue("mysql")
    with contextlib.closing(connect(server.admin_url)) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE DATABASE IF NOT EXISTS bank")
        cursor.execute("CREATE USER IF NOT EXISTS 'consumer'@'%' IDENTIFIED BY 'consumer1!'")
    url = f"mysql+pymysql://consumer:consumer1%21@{server.host}:{server.port}/bank"
    return dataclasses.replace(
        stack, database_url=url, infra_database_url=f"{server.admin_url}bank", admin_database_url=server.admin_url
    )
