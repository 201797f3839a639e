"""Accounts and their databases: what a URL may be, the SQL that makes them, how it is quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas.columns.type_text import type_words
from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.own_tables.offsets import OFFSETS
from avro_schemas.tables.rules import TableRules
from infra.provision import accounts as who
from infra.provision.accounts import accounts_of
from infra.tables.database import Sessions, account_of
from infra.tables.ddl import create_table_sql
from rtpipe.errors import SettingsError, UnreachableError
from rtpipe.mysql.quoting import quoted, quoted_text

URL = "mysql+pymysql://{}:canary'1%25@127.0.0.1:1/bank"


@pytest.mark.parametrize(
    "url",
    [
        *["", "canary", "postgresql://u:canary@h/bank", "mysql+aiomysql://u:canary@h/bank"],
        *["mysql+pymysql://:canary@h/bank", "mysql+pymysql://u:can@ary/x:y@h:port/bank"],
        *["mysql+pymysql://u:canary@h:12x/bank", "http://u:canary@h/bank"],
    ],
)
def test_what_is_no_database_url(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        account_of(url, "RTPIPE_DATABASE_URL")
    assert str(caught.value).startswith("RTPIPE_DATABASE_URL: ")
    assert not [part for part in ("canary", "ary/x", "12x") if part in caught.value.message + caught.value.hint]
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("scheme", ["mysql", "mysql+pymysql", "mariadb", "mariadb+pymysql"])
def test_database_urls(scheme: str) -> None:
    account = account_of(f"{scheme}://u:p%40@db/bank", "RTPIPE_DATABASE_URL")
    assert (account.user, account.password, account.address, account.database) == ("u", "p@", "db:3306", "bank")


def test_accounts_must_agree_on_the_database() -> None:
    with pytest.raises(SettingsError, match="RTPIPE_DATABASE_URL names no database"):
        accounts_of("mysql://u:p@h/", None, None)
    with pytest.raises(SettingsError, match="'a', RTPIPE_INFRA_DATABASE_URL 'b'"):
        accounts_of("mysql://u:p@h/a", "mysql://i:p@h/b", None)
    alone = accounts_of("mysql://u:p@h/a", None, None)
    assert alone.infra_is_consumer
    assert alone.privileged is alone.consumer


def test_the_sql_of_accounts() -> None:
    accounts = accounts_of("mysql://o'neil:canary@h/my_bank", "mysql://infra:canary@h/my_bank", None)
    user = who.new_user(accounts.consumer)
    assert who.create_user_sql(accounts.consumer) == "CREATE USER IF NOT EXISTS 'o''neil'@'%' IDENTIFIED BY '***'"
    assert (
        who.table_grant_sql("my_bank", "t", user, who.table_privileges("t"))
        == "GRANT SELECT, INSERT ON `my_bank`.`t` TO 'o''neil'@'%'"
    )
    grant = who.table_grant_sql("my_bank", "kafka_offsets", user, who.table_privileges("kafka_offsets"))
    assert grant == "GRANT SELECT, INSERT, UPDATE ON `my_bank`.`kafka_offsets` TO 'o''neil'@'%'"
    assert who.infra_grant_sql(accounts, "'i'@'%'") == "GRANT CREATE, ALTER, INDEX, SELECT ON `my\\_bank`.* TO 'i'@'%'"
    grant = who.table_grant_sql("my_bank", "rtpipe_dead_letters", user, who.table_privileges("rtpipe_dead_letters"))
    assert grant.startswith("GRANT SELECT, INSERT, UPDATE, DELETE ON `my_bank`.`rtpipe_dead_letters` TO")
    alone = accounts_of("mysql://u:p@h/bank", None, None)
    assert "INSERT, UPDATE, DELETE ON `bank`.*" in who.infra_grant_sql(alone, "'u'@'%'")


@given(st.text())
def test_quoting_leaves_no_way_out(text: str) -> None:
    inner = quoted(text)[1:-1]
    assert inner.replace("``", "") == text.replace("`", "")
    assert inner.count("`") == 2 * text.count("`")
    assert "'" not in quoted_text(text)[1:-1].replace("''", "")


def test_create_table_quotes_and_keeps_comments() -> None:
    schema = {
        "type": "record",
        "name": "r",
        "doc": "it's 100% \\",
        "fields": [{"name": "a", "type": ["null", "int"], "doc": "%s '"}],
    }
    layout = table_layout(schema, table="a`b", rules=TableRules(metadata=("_kafka_partition", "_kafka_offset")))
    assert create_table_sql(layout.table, "ba`nk").splitlines() == [
        "CREATE TABLE IF NOT EXISTS `ba``nk`.`a``b` (",
        "  `a` INTEGER COMMENT '%s ''',",
        "  `_kafka_partition` INTEGER NOT NULL,",
        "  `_kafka_offset` BIGINT NOT NULL,",
        "  PRIMARY KEY (`_kafka_partition`, `_kafka_offset`)",
        ") ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT='it''s 100% \\\\'",
    ]


def test_types_are_compared_in_the_words_of_information_schema() -> None:
    written = {column.name: type_words(column.type) for column in OFFSETS.columns}
    assert written["topic"] == "varchar(249)"
    assert written["partition"] == "int"
    assert written["epoch"] == "bigint unsigned"
    assert written["updated_at"] == "datetime(6)"


def test_a_database_that_is_down_is_named_without_its_password() -> None:
    sessions, account = Sessions(), account_of(URL.format("infra"), "RTPIPE_INFRA_DATABASE_URL")
    with pytest.raises(UnreachableError) as caught, sessions.connected(account, doing="testing"):
        pass
    assert "no database answers at 127.0.0.1:1 as infra (testing): 2003" in str(caught.value)
    assert "RTPIPE_INFRA_DATABASE_URL" in caught.value.hint
    assert "canary" not in str(caught.value) + caught.value.hint


def test_unreadable_parameters_of_a_database_url() -> None:
    sessions = Sessions()
    for parameter, why in (
        ("ssl_ca=/nowhere.pem", "certificates that it names after the ? cannot be read: [Errno 2]"),
        ("nonsense=1", "a parameter after the ? is wrong: Connection.__init__() got an unexpected keyword"),
        ("connect_timeout=5s", "a parameter after the ? is wrong: invalid literal for int()"),
        ("compress=true", "a parameter after the ? is wrong: compress"),
        ("ssl_verify_identity=maybe", "is wrong: ssl_verify_identity is 'maybe', neither true nor false"),
        ("ssl_verify=true", "is wrong: ssl_verify is none; known are ssl_ca"),
    ):
        account = account_of(f"{URL.format('infra')}?{parameter}", "RTPIPE_DATABASE_URL")
        with pytest.raises(SettingsError) as caught, sessions.connected(account, doing="testing"):
            pass
        assert caught.value.message.startswith("RTPIPE_DATABASE_URL: ")
        assert why in caught.value.message
