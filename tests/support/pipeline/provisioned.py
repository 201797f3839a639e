"""A database, users and topics that no other test has, to be provisioned; on MariaDB and on MySQL."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pymysql
import pytest

from infra.provision.provision import ProvisionRequest
from infra.stack.state import Addresses
from infra.tables.database import Account, Sessions, account_of
from tests.support.stack.mysql_server import MysqlServer

PASSWORD = "canary'\"\\1%@/!"


@pytest.fixture(params=["mariadb", "mysql"])
def admin(request: pytest.FixtureRequest) -> Account:
    """Whoever may do everything on one of the two servers."""
    if request.param == "mysql":
        server: MysqlServer = request.getfixturevalue("mysql")
        return account_of(server.admin_url, "RTPIPE_ADMIN_DATABASE_URL")
    stack: Addresses = request.getfixturevalue("stack")
    return account_of(stack.admin_database_url, "RTPIPE_ADMIN_DATABASE_URL")


@pytest.fixture
def sessions() -> Iterator[Sessions]:
    with contextlib.closing(Sessions()) as opened:
        yield opened


@dataclass(frozen=True)
class Place:
    """A database, users and topics that no other test has."""

    request: ProvisionRequest
    admin: Account
    database: str
    topic: str

    def account(self, who: str) -> Account:
        url = {"consumer": self.request.database_url, "infra": self.request.infra_database_url}[who]
        assert url
        return account_of(url, who)

    def sql(self, *statements: str, who: str = "admin") -> Any:
        """Runs statements as one of the accounts with a raw client, and gives the last one's rows."""
        account = self.admin if who == "admin" else self.account(who)
        host, _, port = account.address.partition(":")
        with pymysql.connect(
            host=host, port=int(port), user=account.user, password=account.password, autocommit=True
        ) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()

    def without_admin(self) -> ProvisionRequest:
        return replace(self.request, admin_database_url=None)


@pytest.fixture
def place(stack: Addresses, admin: Account, tmp_path: Path) -> Iterator[Place]:
    name = f"t_{uuid.uuid4().hex[:12]}"
    base = admin.url.set(database=name)
    urls = {
        who: base.set(username=f"{who}{name}", password=PASSWORD).render_as_string(hide_password=False)
        for who in ("c", "i")
    }
    schemas = tmp_path / "schema_before.json"
    fields = {"key": "string(20)", "price": "decimal(12,2)?", "at": "timestamp-millis"}
    schemas.write_text(json.dumps([{"name": name, "fields": fields}]))
    request = ProvisionRequest(
        schemas=schemas,
        kafka={"bootstrap.servers": stack.bootstrap_servers},
        registry_url=stack.schema_registry_url,
        database_url=urls["c"],
        infra_database_url=urls["i"],
        admin_database_url=admin.url.render_as_string(hide_password=False),
    )
    place = Place(request, admin, name, name)
    yield place
    place.sql(f"DROP DATABASE IF EXISTS {name}", f"DROP USER IF EXISTS c{name}, i{name}")
