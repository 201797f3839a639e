"""A primary and its replica as connections see them: which one is taken, and how far the other is behind."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pymysql
import pytest

from rtpipe.mysql.engine import bare_connection, mysql_engine, mysql_url
from supervisor.settings.fields.throttle_settings import ThrottleSettings
from supervisor.steering.database_health import DatabaseHealth, HealthSeen
from tests.support.stack.mysql_server import HOST
from tests.support.stack.replica_pair import Kind, Mariadb, Mysql, ReplicaPair, replica_pair

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", params=[Mysql(), Mariadb()], ids=["MySQL", "MariaDB"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaPair]:
    kind: Kind = request.param
    with replica_pair(kind, tmp_path_factory.mktemp("pair")) as made:
        yield made


def both(pair: ReplicaPair) -> str:
    """A URL with the replica before the primary."""
    login = pair.primary.url.rpartition("@")[0]
    return f"{login}@{HOST}:{pair.replica.port},{HOST}:{pair.primary.port}/bank"


def test_each_connection_takes_the_server_that_takes_writes(pair: ReplicaPair) -> None:
    where = mysql_url(both(pair))
    with contextlib.closing(bare_connection(where, connect_timeout=10)) as bare, bare.cursor() as cursor:
        cursor.execute("SELECT @@port")
        assert cursor.fetchone() == (pair.primary.port,)
    with mysql_engine(where).connect() as connection:
        assert connection.exec_driver_sql("SELECT @@port").scalar() == pair.primary.port


def test_without_such_a_server_each_is_named_with_its_reason(pair: ReplicaPair) -> None:
    where = mysql_url(both(pair).replace(f":{pair.primary.port}/", f":{pair.primary.port},{HOST}:1/"))
    pair.primary.read_only(on=True)
    try:
        with pytest.raises(pymysql.err.OperationalError) as found:
            bare_connection(where, connect_timeout=10)
    finally:
        pair.primary.read_only(on=False)
    number, said = found.value.args
    assert number == 1290
    assert said.startswith(
        f"{HOST}:{pair.replica.port} is read only; {HOST}:{pair.primary.port} is read only; {HOST}:1: "
    )


def test_a_replica_that_is_read_only_says_how_far_it_is_behind(pair: ReplicaPair) -> None:
    address = f"{HOST}:{pair.replica.port}"
    limits = ThrottleSettings(replica_lag_seconds=60, replicas=(address,))
    health = DatabaseHealth(limits, lambda: f"{pair.primary.url}bank", 5)
    assert health.ask() == HealthSeen()
    pair.replica.ask("STOP REPLICA")
    try:
        [unknown] = health.ask().unknown
    finally:
        pair.replica.ask("START REPLICA")
    assert unknown == f"replica {address}: it does not say how far it is behind; replication does not run there"
