"""`rtpipe doctor` on real services: it names what is missing, what it says to do mends it, and it changes nothing."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url

from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.raw_clients import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.stack.state import Addresses


@pytest.fixture
def pipeline(database: Addresses, tmp_path: Path) -> Iterator[Pipeline]:
    with running_pipeline(database, tmp_path, topics=1, partitions=2) as found:
        yield found


def examined(pipeline: Pipeline, code: int, **changed: str) -> dict[str, dict[str, Any]]:
    """Every check by area and name."""
    answer = pipeline.run("doctor", "--topics", pipeline.topics[0], "--json", env=changed)
    assert answer.returncode == code, answer.stdout + answer.stderr
    assert answer.stderr == ""
    for url in (pipeline.environment()["RTPIPE_DATABASE_URL"], *changed.values()):
        assert "://" not in url or (make_url(url).password or "no password") not in answer.stdout
    return {f"{one['area']} {one['name']}": one for one in json.loads(answer.stdout)["checks"]}


def failing(found: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, one in found.items() if one["verdict"] == "FAIL"}


def test_what_is_revoked_is_named_and_its_fix_mends_it(pipeline: Pipeline, database: Addresses) -> None:
    topic = pipeline.topics[0]
    before = examined(pipeline, 0)
    assert before[f"tables {topic}"]["verdict"] == "OK"
    assert before[f"kafka {topic} topic"]["found"] == "2 partitions"
    with contextlib.closing(connect(database.admin_database_url)) as admin:
        name = make_url(database.database_url).database
        sql = f"SELECT user, host FROM mysql.user WHERE user = '{make_url(database.database_url).username}'"
        with admin.cursor() as cursor:
            cursor.execute(sql)
            [(user, host)] = cursor.fetchall()
            cursor.execute(f"REVOKE INSERT ON `{name}`.`{topic}` FROM '{user}'@'{host}'")
            denied = examined(pipeline, 3)
            assert failing(denied) == {f"database privileges on {topic}"}
            cursor.execute(denied[f"database privileges on {topic}"]["fix"].rstrip(";"))
    assert examined(pipeline, 0).keys() == before.keys()


def test_a_service_that_is_away_fails_alone(pipeline: Pipeline, database: Addresses) -> None:
    away = make_url(database.database_url).set(port=1, password="p-canary").render_as_string(hide_password=False)
    found = failing(examined(pipeline, 3, RTPIPE_DATABASE_URL=away, RTPIPE_INFRA_DATABASE_URL=away))
    areas = {name.partition(" ")[0] for name in found}
    assert {"database", "tables"} <= areas <= {"database", "tables", "kafka"}
    assert "kafka connection" not in found
    found = failing(examined(pipeline, 3, RTPIPE_BOOTSTRAP_SERVERS="127.0.0.1:1"))
    assert {name.partition(" ")[0] for name in found} == {"kafka"}


def test_a_table_that_is_not_there(pipeline: Pipeline) -> None:
    topic = pipeline.topics[0]
    pipeline.query(f"DROP TABLE `{topic}`")
    found = examined(pipeline, 3)
    assert failing(found) == {f"database privileges on {topic}", f"tables {topic}"}
    assert found[f"tables {topic}"]["fix"] == f"rtpipe setup --topics {topic}"
