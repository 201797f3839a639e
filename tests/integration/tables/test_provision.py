"""`rtpipe infra create`: from nothing to a writable table; what is there, differs or may not be made is told."""

import contextlib
import json
from dataclasses import replace

import pymysql
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from confluent_kafka.schema_registry import ConfigCompatibilityLevel, SchemaRegistryClient, ServerConfig
from sqlalchemy.engine import make_url

from avro_schemas.registry.client import Registry
from avro_schemas.tables.lineage import lineage_of
from avro_schemas.tables.rules import PLAIN, TableRules
from infra.provision.accounts import accounts_of
from infra.provision.items import ItemState, ProvisionResult
from infra.provision.provision import create, plan
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import ExitCode, SettingsError, UnreachableError
from rtpipe.mysql.quoting import quoted
from supervisor.schemas.table_plans.table_apply import apply_to
from supervisor.schemas.table_plans.table_plan import PlanOptions, TableTarget
from tests.support.pipeline.provisioned import Place
from tests.support.stack.server_setting import server_setting

#: For tests that do not depend on the kind of server.
one_server = pytest.mark.parametrize("admin", ["mariadb"], indirect=True)


def found(result: ProvisionResult) -> dict[tuple[str, str], ItemState]:
    return {(item.kind, item.name): item.state for item in result.items}


def assert_no_password(*texts: object) -> None:
    assert not [text for text in texts if "canary" in str(text)]


def test_from_nothing_to_a_writable_table(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    planned = plan(place.request)
    assert set(found(planned).values()) == {ItemState.TO_CREATE}
    assert not place.sql(f"SHOW DATABASES LIKE '{place.database}'")
    assert place.topic not in AdminClient(dict(place.request.kafka)).list_topics(timeout=10).topics

    made = create(place.request)
    assert list(found(made)) == list(found(planned))
    assert set(found(made).values()) == {ItemState.CREATED}
    assert made.exit_code is ExitCode.DONE
    assert [item.sql for item in made.items] == [item.sql for item in planned.items]

    topic = AdminClient(dict(place.request.kafka)).list_topics(timeout=10).topics[place.topic]
    assert len(topic.partitions) == 3
    dumped = json.loads(place.request.schemas.with_name("schema_avro.json").read_text())
    with contextlib.closing(Registry(place.request.registry_url)) as registry:
        assert registry.latest(f"{place.topic}-value")[1] == dumped[0]
    table = quoted(place.database, place.topic)
    place.sql(f"INSERT INTO {table} VALUES ('a', 1.5, '2026-01-02 03:04:05.678')", who="consumer")
    offsets = quoted(place.database, "kafka_offsets")
    place.sql(
        f"INSERT INTO {offsets} (topic, `partition`, consumer_group, `offset`) VALUES ('t', 0, 'g', 1)",
        f"UPDATE {offsets} SET `offset` = 2, epoch = epoch + 1 WHERE topic = 't'",
        who="consumer",
    )
    row = place.sql(f"SELECT `offset`, epoch, leader_epoch, rows_total, dead_total FROM {offsets}", who="consumer")
    assert row == ((2, 1, -1, 0, 0),)
    assert_no_password(planned, made, caplog.text)


def test_a_second_run_changes_nothing(place: Place) -> None:
    create(place.request)
    avro = place.request.schemas.with_name("schema_avro.json")
    before = avro.stat().st_mtime_ns, avro.stat().st_ino
    for again in (plan(place.request), create(place.request), create(place.without_admin())):
        assert set(found(again).values()) == {ItemState.THERE}
        assert again.exit_code is ExitCode.DONE
    assert (avro.stat().st_mtime_ns, avro.stat().st_ino) == before


def test_the_consumer_may_do_nothing_else(place: Place) -> None:
    create(place.request)
    table, offsets = quoted(place.database, place.topic), quoted(place.database, "kafka_offsets")
    for forbidden in (
        f"DELETE FROM {table}",
        f"UPDATE {table} SET at = NULL",
        f"DELETE FROM {offsets}",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table} ADD COLUMN x INT",
        f"CREATE TABLE {quoted(place.database, 'x')} (a INT)",
        f"CREATE DATABASE {place.database}x",
        f"TRUNCATE TABLE {offsets}",
        "SELECT * FROM mysql.user",
        "SELECT 1 INTO OUTFILE '/tmp/never'",
    ):
        with pytest.raises(pymysql.MySQLError) as caught:
            place.sql(forbidden, who="consumer")
        assert caught.value.args[0] in {1044, 1045, 1142, 1143, 1227}, forbidden


def test_infra_may_neither_write_rows_nor_give_privileges(place: Place) -> None:
    create(place.request)
    table = quoted(place.database, place.topic)
    for forbidden in (f"INSERT INTO {table} VALUES ('a', 1, NOW(3))", f"DELETE FROM {table}", f"DROP TABLE {table}"):
        with pytest.raises(pymysql.MySQLError) as caught:
            place.sql(forbidden, who="infra")
        assert caught.value.args[0] == 1142, forbidden
    place.sql(f"ALTER TABLE {table} ADD COLUMN x INT", f"SELECT COUNT(*) FROM {table}", who="infra")


def test_tables_and_topics_that_differ_are_told_and_left_alone(place: Place) -> None:
    create(place.request)
    table = quoted(place.database, place.topic)
    place.sql(
        f"ALTER TABLE {table} DROP COLUMN price, MODIFY COLUMN at DATETIME(6) NULL, ADD COLUMN more INT, "
        "MODIFY COLUMN `key` VARCHAR(20) CHARACTER SET latin1 NOT NULL, ADD PRIMARY KEY (`key`)"
    )
    before = place.sql(f"SHOW CREATE TABLE {table}")
    result = create(replace(place.request, partitions=5))
    assert result.exit_code is ExitCode.DIFFERENT
    told = {item.kind: item.detail for item in result.items if item.state is ItemState.DIFFERS}
    assert told["topic"] == "3 partitions, replication factor 1 instead of 5 partitions, replication factor 1"
    assert told["table"].splitlines() == [
        "column `key` has the character set latin1 instead of utf8mb4",
        "column `price` decimal(12,2) is missing",
        "column `at` is datetime(6) instead of datetime(3)",
        "column `at` is NULL, the schema says otherwise",
        "column `more` int is not in the schema",
        "primary key (key) instead of ()",
    ]
    assert place.sql(f"SHOW CREATE TABLE {table}") == before


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ("VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "which takes different keys for the same"),
        ("VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "does not see spaces at the end of a key"),
        ("CHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "drops spaces at the end of a key"),
    ],
    ids=["folds", "pads", "drops"],
)
def test_a_key_column_that_makes_one_key_of_two_differs_with_the_alter(place: Place, column: str, why: str) -> None:
    rules = TableRules(mode="upsert", key=("key",))
    request = replace(place.request, rules_of=lambda _: rules)
    create(request)
    assert set(found(create(request)).values()) == {ItemState.THERE}
    place.sql(f"ALTER TABLE {quoted(place.database, place.topic)} MODIFY COLUMN `key` {column} NOT NULL")
    planned = plan(request)
    assert planned.exit_code is ExitCode.DIFFERENT
    [told] = [item.detail for item in planned.items if item.kind == "table" and item.state is ItemState.DIFFERS]
    assert why in told
    place.sql(f"USE {place.database}", told.partition("repair it by: ")[2].splitlines()[0])
    assert set(found(create(request)).values()) == {ItemState.THERE}
    place.sql(f"CREATE UNIQUE INDEX other ON {quoted(place.database, place.topic)} (at)")
    assert "another unique index (other)" in str([item.detail for item in plan(request).items])


def test_what_takes_no_rows_in_a_transaction_differs_with_a_way_out(place: Place) -> None:
    create(place.request)
    name = place.database
    place.sql(
        f"DROP TABLE {name}.kafka_offsets",
        f"CREATE VIEW {name}.kafka_offsets AS SELECT 1 AS one",
        f"ALTER TABLE {name}.{name} ENGINE=MyISAM",
    )

    def told() -> list[list[str]]:
        return [item.detail.splitlines() for item in create(place.request).items if item.state is ItemState.DIFFERS]

    view, way_out = "and no table, and rtpipe writes rows into tables alone", "name the table that takes the rows"
    assert told() == [
        [f"table {name} has engine MyISAM, which has no transactions", f"ALTER TABLE {name} ENGINE=InnoDB"],
        [f"kafka_offsets is a view {view}", f"{way_out}: `table` in rtpipe.toml"],
    ]
    if "maria" in str(place.sql("SELECT VERSION()")).lower():
        place.sql(f"DROP TABLE {name}.{name}", f"CREATE SEQUENCE {name}.{name}")
        assert told()[0][0] == f"{name} is a sequence {view}"


def test_what_rtpipe_made_of_a_table_itself_is_already_there(place: Place) -> None:
    """Columns that are new, wider, NULL by now, of a former meaning or of a former version."""
    create(place.request)
    with SchemaRegistryClient({"url": place.request.registry_url}) as registry:
        subject = f"{place.topic}-value"
        registry.set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel.NONE))
    before = place.request.schemas.read_text()
    fields = {"key": "string(60)", "at": "timestamp-micros", "more": "long"}
    place.request.schemas.write_text(json.dumps([{"name": place.topic, "fields": fields}]))
    assert create(replace(place.request, new_versions=True)).exit_code is ExitCode.DIFFERENT
    with contextlib.closing(Registry(place.request.registry_url)) as client:
        versions = [schema for _, schema in client.versions(subject)]
    target = TableTarget(
        place.topic, place.topic, None, versions[-1], PLAIN, lambda: lineage_of(versions, place.topic, PLAIN)
    )
    accounts = accounts_of(place.request.database_url, place.request.infra_database_url, None)
    apply_to(target, accounts, PlanOptions())
    assert {row[0] for row in place.sql(f"SHOW COLUMNS FROM {place.database}.{place.topic}")} == {
        *("key", "price", "at", "at_v2", "more")
    }
    for text in (place.request.schemas.read_text(), before):
        place.request.schemas.write_text(text)
        differs = [item.detail for item in create(place.request).items if item.state is ItemState.DIFFERS]
        assert differs == []
    place.sql(f"ALTER TABLE {place.database}.{place.topic} ADD COLUMN mine INT NOT NULL")
    [told] = [item.detail for item in create(place.request).items if item.state is ItemState.DIFFERS]
    assert told == "column `mine` int is not in the schema"


@pytest.mark.parametrize("admin", ["mysql"], indirect=True)  # MariaDB has none
def test_a_primary_key_that_the_server_adds_unseen_is_no_difference(place: Place) -> None:
    admin_url = place.request.admin_database_url
    assert admin_url
    with server_setting(admin_url, "sql_generate_invisible_primary_key", "ON"):
        create(place.request)
    assert place.sql(f"SHOW KEYS FROM {place.database}.{place.topic}")[0][4] == "my_row_id"
    assert set(found(create(place.request)).values()) == {ItemState.THERE}


def test_without_admin_the_missing_user_is_a_refused_login(place: Place) -> None:
    with pytest.raises(AccessDeniedError) as caught:
        create(place.without_admin())
    assert caught.value.exit_code is ExitCode.ACCESS_DENIED
    assert f"CREATE USER IF NOT EXISTS 'i{place.database}'@'%' IDENTIFIED BY '***'" in caught.value.hint
    assert "RTPIPE_ADMIN_DATABASE_URL" in caught.value.hint
    assert_no_password(caught.value, caught.value.hint, caught.value.__cause__)


def test_without_admin_missing_privileges_are_given_as_sql(place: Place) -> None:
    create(place.request)
    name = place.database
    place.sql(f"REVOKE ALL ON {name}.kafka_offsets FROM 'c{name}'@'%'")
    with pytest.raises(AccessDeniedError) as caught:
        create(place.without_admin())
    sql = f"GRANT SELECT, INSERT, UPDATE ON `{name}`.`kafka_offsets` TO 'c{name}'@'%'"
    assert f"{sql};" in caught.value.hint
    assert f"`{name}`.`{name}`" not in caught.value.hint
    place.sql(sql)
    assert set(found(create(place.without_admin())).values()) == {ItemState.THERE}


def test_without_admin_a_database_that_may_not_be_made_is_given_as_sql(place: Place) -> None:
    create(place.request)
    place.sql(f"DROP DATABASE {place.database}")
    place.sql(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'i{place.database}'@'%'")
    with pytest.raises(AccessDeniedError) as caught:
        create(place.without_admin())
    assert f"CREATE DATABASE IF NOT EXISTS `{place.database}`" in caught.value.hint


@one_server
def test_a_wrong_password_is_told_and_nothing_is_made(place: Place) -> None:
    create(place.request)
    place.sql(f"DROP DATABASE {place.database}")
    url = make_url(place.request.database_url).set(password="canary2").render_as_string(hide_password=False)
    with pytest.raises(AccessDeniedError, match="1045") as caught:
        create(replace(place.request, database_url=url))
    assert "RTPIPE_DATABASE_URL" in caught.value.hint
    assert not place.sql(f"SHOW DATABASES LIKE '{place.database}'")
    assert_no_password(caught.value, caught.value.hint)


@one_server
def test_a_new_user_needs_a_password(place: Place) -> None:
    url = make_url(place.request.database_url)._replace(password=None).render_as_string()
    with pytest.raises(SettingsError, match="RTPIPE_DATABASE_URL has no password"):
        create(replace(place.request, database_url=url))


def test_one_account_for_everything_needs_no_grants(place: Place) -> None:
    url = place.admin.url.set(database=place.database).render_as_string(hide_password=False)
    alone = replace(place.request, database_url=url, infra_database_url=None, admin_database_url=None)
    made = create(alone)
    assert "grant" not in {kind for kind, _ in found(made)}
    assert found(made)["table", "kafka_offsets"] is ItemState.CREATED
    assert set(found(create(alone)).values()) == {ItemState.THERE}


def test_one_new_account_may_create_and_write(place: Place) -> None:
    create(replace(place.request, infra_database_url=None))
    table = quoted(place.database, place.topic)
    place.sql(f"INSERT INTO {table} VALUES ('a', 1, NOW(3))", f"ALTER TABLE {table} ADD COLUMN x INT", who="consumer")


def test_privileges_through_a_role_count(place: Place) -> None:
    create(place.request)
    name = place.database
    user = f"'c{name}'@'%'"
    to_all = "" if "maria" in str(place.sql("SELECT VERSION()")).lower() else f"'r{name}' TO"
    default = f"SET DEFAULT ROLE {to_all} {user}" if to_all else f"SET DEFAULT ROLE r{name} FOR {user}"
    place.sql(
        f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {user}",
        f"CREATE ROLE r{name}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO r{name}",
        f"GRANT r{name} TO {user}",
        default,
    )
    try:
        assert set(found(create(place.without_admin())).values()) == {ItemState.THERE}
    finally:
        place.sql(f"DROP ROLE r{name}")


@one_server
def test_metadata_columns_are_the_key(place: Place) -> None:
    wanted = replace(place.request, rules_of=lambda _: TableRules(metadata=("_kafka_partition", "_kafka_offset")))
    create(wanted)
    assert set(found(create(wanted)).values()) == {ItemState.THERE}
    assert create(place.request).exit_code is ExitCode.DIFFERENT


@one_server
def test_services_that_are_down_are_named_and_nothing_is_made(place: Place) -> None:
    for down, named in (
        ({"registry_url": "http://127.0.0.1:1"}, "http://127.0.0.1:1"),
        ({"kafka": {"bootstrap.servers": "127.0.0.1:1"}}, "no Kafka broker answers at 127.0.0.1:1"),
        ({"database_url": f"mysql://u:canary@127.0.0.1:1/{place.database}"}, "127.0.0.1:1 as u"),
        ({"admin_database_url": "mysql://root:canary@127.0.0.1:1/"}, "127.0.0.1:1 as root"),
    ):
        with pytest.raises(UnreachableError) as caught:
            create(replace(place.request, **down))
        assert named in str(caught.value)
        assert_no_password(caught.value, caught.value.hint)
    assert not place.sql(f"SHOW DATABASES LIKE '{place.database}'")
    assert not place.request.schemas.with_name("schema_avro.json").exists()


@one_server
def test_too_many_copies_for_the_cluster(place: Place) -> None:
    with pytest.raises(SettingsError, match="the cluster has 1"):
        create(replace(place.request, replication_factor=3))
    assert not place.sql(f"SHOW DATABASES LIKE '{place.database}'")


@one_server
def test_a_topic_that_somebody_made_is_kept(place: Place) -> None:
    client = AdminClient(dict(place.request.kafka))
    for future in client.create_topics([NewTopic(place.topic, 3, 1)], operation_timeout=10).values():
        future.result()
    assert found(create(place.request))["topic", place.topic] is ItemState.THERE


@pytest.mark.parametrize("admin", ["mysql"], indirect=True)  # MariaDB is shared by tests that run side by side
def test_a_server_that_demands_a_primary_key_gets_one_and_it_is_said(place: Place) -> None:
    admin_url = place.request.admin_database_url
    assert admin_url
    with server_setting(admin_url, "sql_require_primary_key", "ON"):
        made = create(place.request)
        again = plan(place.request)
    [item] = [item for item in made.items if (item.kind, item.name) == ("table", place.topic)]
    assert item.state is ItemState.CREATED
    assert item.detail == "primary key (_kafka_partition, _kafka_offset), since this server demands one"
    assert "PRIMARY KEY (`_kafka_partition`, `_kafka_offset`)" in item.sql
    assert set(found(again).values()) == {ItemState.THERE}
