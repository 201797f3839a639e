"""Columns that people made: each value is stored as it is or refused by name, whatever the column's type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.support.pipeline.dead_letters import dead_letters_of
from tests.support.pipeline.producers import ordered_producer
from tests.support.pipeline.supervision import supervised, supervising
from tests.support.pipeline.typed_topic import create_typed, typed_pipeline, wire
from tests.support.samples.schema_parts import logical
from tests.support.waits import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses
    from tests.support.pipeline.pipeline import Pipeline


class Case(NamedTuple):
    """A field, the column that people made for it, values with what the column must show, and values it must refuse."""

    kind: Any
    column: str
    kept: list[tuple[Any, str]]
    refused: list[Any]
    read: str = "CAST({} AS CHAR)"
    only: str = ""  #: the server that has such columns


def plain(kind: Any, column: str, *kept: Any, refused: list[Any]) -> Case:
    """Values that are shown as Python writes them."""
    return Case(kind, column, [(value, str(value)) for value in kept], refused)


def dec(unscaled: int) -> bytes:
    return unscaled.to_bytes(16, "big", signed=True)


MILLIS, MICROS = logical("long", "timestamp-millis"), logical("long", "timestamp-micros")
TIME, DATE = logical("int", "time-millis"), logical("int", "date")
DECIMAL = logical("bytes", "decimal", precision=12, scale=4)
UUID_BYTES = {"type": "fixed", "name": "uuid_bytes", "size": 16, "logicalType": "uuid"}
ENUM = {"type": "enum", "name": "word", "symbols": ["a", "A", "b"]}
AT = 1_735_689_599_000  # 2024-12-31 23:59:59 in milliseconds
DAY = 86_400_000
UID = "01234567-89ab-4def-8123-456789abcdef"
NUMBER = "{} + 0"
FLOAT = "CAST({} + 0e0 AS CHAR)"
HEX = "HEX({})"
CASES = [
    Case(MILLIS, "DATETIME", [(AT, "2024-12-31 23:59:59"), (-1000, "1969-12-31 23:59:59")], [AT + 1, AT + 999]),
    Case(MICROS, "DATETIME(3)", [(AT * 1000 + 1000, "2024-12-31 23:59:59.001")], [AT * 1000 + 1, AT * 1000 + 999_999]),
    Case(
        MILLIS,
        "TIMESTAMP NULL",
        [(AT, "2024-12-31 23:59:59"), (1000, "1970-01-01 00:00:01"), (2_147_483_647_000, "2038-01-19 03:14:07")],
        [0, 1, 999, -1000, AT + 500, 2_147_483_648_000, 4_102_444_800_000],
    ),
    Case(MICROS, "TIMESTAMP(6) NULL", [(1_000_001, "1970-01-01 00:00:01.000001")], [1, 500_000, -1]),
    Case(MILLIS, "DATE", [(DAY * 20_000, "2024-10-04")], [AT, DAY + 1, DAY - 1]),
    Case(MILLIS, "VARCHAR(19)", [], [AT]),
    Case(MILLIS, "BIGINT", [(AT, str(AT)), (-1, "-1")], []),
    Case(DATE, "DATETIME", [(20_000, "2024-10-04 00:00:00")], []),
    Case(DATE, "TIMESTAMP NULL", [(20_000, "2024-10-04 00:00:00")], [0, -1, 24_856]),
    Case(TIME, "TIME", [(43_199_000, "11:59:59"), (-1000, "-00:00:01")], [43_199_999, 1, -1]),
    Case(logical("long", "time-micros"), "TIME(3)", [(1_000, "00:00:00.001")], [1, 999, 1_001]),
    Case(
        DECIMAL,
        "DECIMAL(10,2)",
        [(dec(1_234_500), "123.45"), (dec(-100), "-0.01"), (dec(999_999_999_900), "99999999.99")],
        [dec(123_456_789), dec(1), dec(-99), dec(1_000_000_000_000)],
    ),
    Case(DECIMAL, "DECIMAL(10,2) UNSIGNED", [(dec(100), "0.01"), (dec(0), "0.00")], [dec(-100), dec(50)]),
    Case(DECIMAL, "DECIMAL(8,2) UNSIGNED ZEROFILL", [(dec(15_000), "000001.50")], [dec(-1), dec(10_000_000_000)]),
    Case(DECIMAL, "INT", [(dec(-70_000), "-7")], [dec(15_000), dec(21_474_836_480_000)]),
    Case(DECIMAL, "DOUBLE", [(dec(1), "0.0001"), (dec(123_456_789), "12345.6789")], []),
    Case(DECIMAL, "FLOAT", [(dec(5_000), "0.5")], [dec(1_000), dec(123_456_789)], FLOAT),
    Case(DECIMAL, "VARCHAR(6)", [(dec(15_000), "1.5000")], [dec(150_000)]),
    Case(
        "double", "FLOAT", [(0.5, "0.5"), (16_777_216.0, "16777216")], [0.1, 16_777_217.25, 1e39, float("nan")], FLOAT
    ),
    Case("double", "FLOAT(7,2)", [(0.5, "0.5")], [0.125, 0.1, 123_456.0], FLOAT),
    Case("double", "DOUBLE(9,2)", [(0.25, "0.25"), (1234.5, "1234.5")], [0.125, 12_345_678.0], FLOAT),
    Case("double", "DOUBLE UNSIGNED", [(0.1, "0.1")], [-0.1, float("inf")]),
    Case("double", "INT", [(5.0, "5"), (-2147483648.0, "-2147483648")], [2.5, -0.5, 2147483648.0, 1e300]),
    Case("double", "BIGINT UNSIGNED", [(1.8446744073709550e19, "18446744073709549568")], [-1.0, 1.8446744073709552e19]),
    Case("double", "DECIMAL(6,2)", [(0.5, "0.50"), (-9999.25, "-9999.25"), (0.1, "0.10")], [0.125, 10_000.0, 1e-9]),
    Case("double", "VARCHAR(5)", [(0.25, "0.25")], [0.123456]),
    Case("float", "DECIMAL(6,2)", [(0.25, "0.25")], [0.125, 0.1]),
    Case("float", "FLOAT UNSIGNED", [(0.15625, "0.15625")], [-0.5], FLOAT),
    plain("int", "TINYINT", 127, -128, refused=[128, -129]),
    plain("int", "SMALLINT UNSIGNED", 0, 65_535, refused=[-1, 65_536]),
    plain("int", "MEDIUMINT", 8_388_607, refused=[8_388_608]),
    plain("long", "INT(5) UNSIGNED", 4_294_967_295, refused=[-1, 4_294_967_296]),
    Case("int", "INT(5) UNSIGNED ZEROFILL", [(7, "7")], [-7], NUMBER),
    plain("long", "BIGINT UNSIGNED", 2**63 - 1, 0, refused=[-1]),
    plain("long", "INT", 2**31 - 1, refused=[2**31]),
    Case("long", "DOUBLE", [(2**53, "9007199254740992")], [2**53 + 1, 2**63 - 1], "CAST({} AS DECIMAL(30))"),
    Case("long", "FLOAT", [(2**24, "16777216")], [2**24 + 1], FLOAT),
    plain("long", "DECIMAL(5,0)", 99_999, -99_999, refused=[100_000]),
    Case("long", "DECIMAL(5,2)", [(999, "999.00")], [1_000]),
    plain("long", "VARCHAR(3)", 999, -99, refused=[1_000, -100]),
    Case("long", "BIT(9)", [(511, "511"), (0, "0")], [512, -1], NUMBER),
    Case("long", "BIT(64)", [(2**63 - 1, str(2**63 - 1))], [-1], NUMBER),
    Case("boolean", "BIT(1)", [(True, "1"), (False, "0")], [], NUMBER),
    Case("int", "YEAR", [(1901, "1901"), (2155, "2155"), (0, "0")], [1, 69, 70, 99, 1900, 2156, -1], NUMBER),
    plain("int", "ENUM('2','1')", 2, 1, refused=[3, 0]),
    Case("string", "YEAR", [("2024", "2024"), ("0000", "0")], ["0", "24", "70", "2024 ", "", "x"], NUMBER),
    plain("string", "ENUM('new','2','1')", "new", "2", "1", refused=["NEW", "3", "0", "new ", "", "nëw"]),
    plain("string", "ENUM('x,y','it''s','b\\\\s') CHARACTER SET latin1", "x,y", "it's", "b\\s", refused=["x", "B\\s"]),
    plain(
        "string", "SET('a','b','c d')", "a", "a,b", "a,c d", "", refused=["b,a", "a,a", "3", "a,", " a", "A", "a, b"]
    ),
    plain(ENUM, "ENUM('A','b')", "A", "b", refused=["a"]),
    plain(
        "string", "INT", "12", "-7", "0", refused=["012", "1.5", "1e3", " 1", "1 ", "", "x", "+1", "-0", "2147483648"]
    ),
    plain(
        "string",
        "DECIMAL(5,2)",
        "1.50",
        "-0.01",
        "999.99",
        refused=["1.5", "1.505", "1000.00", "-0.00", "1,50", "01.50"],
    ),
    plain(
        "string",
        "DATE",
        "2024-02-29",
        refused=["2023-02-29", "2024-2-29", "20240229", "2024-02-29 10:00:00", "0000-00-00"],
    ),
    plain(
        "string",
        "DATETIME",
        "2024-01-31 12:00:00",
        refused=["2024-01-31T12:00:00", "2024-01-31 12:00:00.5", "2024-01-31"],
    ),
    plain(
        "string",
        "DATETIME(3)",
        "2024-01-31 12:00:00.500",
        refused=["2024-01-31 12:00:00.5", "2024-01-31 12:00:00.5004"],
    ),
    plain("string", "TIMESTAMP NULL", "2024-01-31 12:00:00", refused=["1970-01-01 00:00:00", "2040-01-01 00:00:00"]),
    plain("string", "TIME", "-838:59:59", "00:00:01", refused=["0:00:01", "-00:00:00", "839:00:00", "12", "24"]),
    plain("string", "CHAR(5)", "abc", "  a", refused=["abc ", "abcdef", " "]),
    plain("string", "VARCHAR(3)", "abc", "a  ", "äöü", refused=["abcd", "abc  "]),
    Case("string", "TINYTEXT", [("x" * 255, "x" * 255)], ["x" * 255 + "  ", "é" * 128]),
    plain(
        "string", "VARCHAR(9) CHARACTER SET latin1", "é€ÿ", "\x81", "", refused=["ł", "é😀", "é" * 10, "é" * 9 + "  "]
    ),
    plain("string", "TINYTEXT CHARACTER SET latin1", "é" * 255, refused=["é" * 255 + " "]),
    plain("string", "VARCHAR(9) CHARACTER SET utf8mb3", "é€漢", refused=["😀"]),
    plain("string", "VARCHAR(9) CHARACTER SET ascii", "plain", refused=["é"]),
    plain("string", "TINYTEXT CHARACTER SET ucs2", "é" * 127, refused=["é" * 128, "a" * 126 + "   ", "😀"]),
    plain("string", "VARCHAR(9) CHARACTER SET cp1251", "привет", refused=["é😀"]),
    plain("string", "VARCHAR(9) CHARACTER SET gbk", "漢字", refused=["😀"]),
    plain("string", "TEXT CHARACTER SET sjis", "カタカナ", refused=["é"]),
    Case("string", "BINARY(3)", [("abc", "616263")], ["ab", "abcd", "ab "[:2]], HEX),
    Case("string", "VARBINARY(4)", [("grü", "6772C3BC")], ["grün ", "grün", "abcd "], HEX),
    Case("string", "JSON", [('{"a": [1, 2.5]}', '{"a": [1, 2.5]}')], ["{", "", "NaN", "x"], "{}"),
    Case("bytes", "BINARY(3)", [(b"abc", "616263")], [b"ab", b"abcd", b""], HEX),
    Case("bytes", "VARBINARY(3)", [(b"ab ", "616220"), (b"a\0", "6100")], [b"abcd", b"abc "], HEX),
    Case("bytes", "BIT(9)", [(b"\x01\xff", "1FF")], [b"\xff", b"\x02\0", b"\0\0\1"], HEX),
    Case("bytes", "VARCHAR(3) CHARACTER SET latin1", [("é ".encode(), "é ")], [b"\xff", b"abcd", "ł".encode()]),
    Case(UUID_BYTES, "CHAR(36) CHARACTER SET latin1", [(bytes(16), "00000000-0000-0000-0000-000000000000")], []),
    Case(
        logical("string", "uuid"), "VARCHAR(40) CHARACTER SET latin1", [(UID, UID), (UID.upper(), UID.upper())], ["x"]
    ),
    Case({"type": "array", "items": "int"}, "VARCHAR(7)", [([1, 2, 3], "[1,2,3]")], [[1, 2, 34]]),
    Case("string", "UUID", [(UID, UID)], [UID.upper(), UID[:-1], "x", UID.replace("-", "")], only="mariadb"),
    Case("string", "INET4", [("10.0.0.1", "10.0.0.1")], ["10.0.0.01", "10.0.1", "::1", "1.2.3.4 "], only="mariadb"),
    Case(
        "string",
        "INET6",
        [("2001:db8::1", "2001:db8::1"), ("::1", "::1")],
        ["2001:DB8::1", "0:0::1", "::1.2.3.4", "1.2.3.4"],
        only="mariadb",
    ),
]


def schema_of(cases: list[Case]) -> dict[str, Any]:
    """Field c0, c1, … of the cases, all of which may be null. A named type is told once."""
    fields: list[dict[str, Any]] = [{"name": "at", "type": "int"}]
    fields += [{"name": f"c{n}", "type": ["null", case.kind], "default": None} for n, case in enumerate(cases)]
    return {"type": "record", "name": "given", "fields": fields}


def beneath(kind: Any) -> Any:
    """The type without its logical one, for values as they are below."""
    return {name: word for name, word in kind.items() if name != "logicalType"} if isinstance(kind, dict) else kind


def send_all(pipeline: Pipeline, schema_id: int, cases: list[Case]) -> list[tuple[int, Any, str | None]]:
    """A message for each value; of each its case, value and what must be shown, None: it must be refused."""
    schema = schema_of([case._replace(kind=beneath(case.kind)) for case in cases])
    sent: list[tuple[int, Any, str | None]] = []
    for number, case in enumerate(cases):
        sent += [(number, value, shown) for value, shown in case.kept]
        sent += [(number, value, None) for value in case.refused]
    producer = ordered_producer(pipeline.addresses.bootstrap_servers)
    for at, (number, value, _) in enumerate(sent):
        producer.produce(pipeline.topics[0], wire(schema_id, schema, {"at": at, f"c{number}": value}), partition=0)
    assert producer.flush(30) == 0
    return sent


def remade(pipeline: Pipeline, columns: dict[str, str]) -> None:
    """The topic's table as people would have made it before rtpipe came."""
    told = ", ".join(f"`{name}` {column}" for name, column in columns.items())
    pipeline.query(f"DROP TABLE `{pipeline.topics[0]}`")
    pipeline.query(f"CREATE TABLE `{pipeline.topics[0]}` ({told}) DEFAULT CHARSET utf8mb4")


def is_mariadb(pipeline: Pipeline) -> bool:
    return "mariadb" in str(pipeline.query("SELECT VERSION()")[0][0]).lower()


def test_each_value_is_stored_as_it_is_or_refused(database: Addresses, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"on_error": "dead_letter", "dead_letters_per_minute": 0}
    with typed_pipeline(database, tmp_path, partitions=1, **settings) as pipeline:
        pipeline.metadata = False
        server = "mariadb" if is_mariadb(pipeline) else "mysql"
        cases = [case for case in CASES if case.only in {"", server}]
        schema_id = create_typed(pipeline, schema_of(cases))
        remade(pipeline, {"at": "INT NOT NULL"} | {f"c{n}": case.column for n, case in enumerate(cases)})
        planned = pipeline.run("table", "plan", "--topics", pipeline.topics[0])
        assert planned.returncode == 0, planned.stdout + planned.stderr
        sent = send_all(pipeline, schema_id, cases)
        assert supervised(pipeline) == 0
        texts = ", ".join(case.read.format(f"c{n}") for n, case in enumerate(cases))
        rows = {row[0]: row[1:] for row in pipeline.query(f"SELECT at, {texts} FROM `{pipeline.topics[0]}`")}
        refused, wrong = dead_letters_of(pipeline, pipeline.topics[0]), []
        for at, (number, value, shown) in enumerate(sent):
            found = str(rows[at][number]) if at in rows else None
            if found != shown or (found is None) is not (at in refused):
                wrong.append(f"{cases[number].column} {value!r}: {found!r} instead of {shown!r} {refused.get(at)}")
            if shown is None and at in refused:
                assert refused[at]["error_name"] == "E_VALUE"
                assert f"c{number}" in refused[at]["error_text"]
        assert not wrong, "\n".join(wrong)
        told = [entry["column"] for entry in pipeline.events("column_limits")]
        for number, case in enumerate(cases):
            if case.refused:
                assert f"note: column c{number} " in planned.stdout, case.column
                assert told.count(f"c{number}") == 1, case.column
        assert "fits, but for some values in" in planned.stdout
        verified = pipeline.run("verify", "--topics", pipeline.topics[0], "--values")
        assert verified.returncode == 0, verified.stdout + verified.stderr


def test_what_columns_refuse_is_told_at_the_start_of_an_idle_topic_too(database: Addresses, tmp_path: Path) -> None:
    cases = [Case(DECIMAL, "DECIMAL(10,2)", [], []), Case(MILLIS, "DATETIME", [], [])]
    with typed_pipeline(database, tmp_path, partitions=2, on_error="dead_letter") as pipeline:
        pipeline.metadata = False
        schema_id = create_typed(pipeline, schema_of(cases))
        remade(pipeline, {"at": "INT NOT NULL", "c0": "DECIMAL(10,2)", "c1": "DATETIME"})

        def told() -> list[str]:
            return [entry["column"] for entry in pipeline.events("column_limits")]

        with supervising(pipeline):
            eventually(lambda: len(told()) == 2, within=30, what="both columns are told of")
            pipeline.send(pipeline.topics[0], wire(schema_id, schema_of(cases), {"at": 1}))
            eventually(lambda: sum(pipeline.offsets(pipeline.topics[0]).values()) == 1, within=60, what="a row")
        assert sorted(told()) == ["c0", "c1"]


UNTELLABLE = [("bytes", "GEOMETRY"), ("string", "DOUBLE"), (MILLIS, "TIME"), ("long", "DATETIME"), (DATE, "YEAR")]


def test_what_cannot_be_told_is_refused_before_a_row_is_written(database: Addresses, tmp_path: Path) -> None:
    cases = [Case(kind, column, [], []) for kind, column in UNTELLABLE]
    with typed_pipeline(database, tmp_path, partitions=1, on_error="dead_letter") as pipeline:
        pipeline.metadata = False
        schema_id = create_typed(pipeline, schema_of(cases))
        remade(pipeline, {"at": "INT NOT NULL"} | {f"c{n}": case.column for n, case in enumerate(cases)})
        planned = pipeline.run("table", "plan", "--topics", pipeline.topics[0])
        assert planned.returncode == 5, planned.stdout
        for number, case in enumerate(cases):
            assert f"does not go into column c{number} {case.column.lower()}" in planned.stdout
            assert f"MODIFY `c{number}` " in planned.stdout
        pipeline.send(pipeline.topics[0], wire(schema_id, schema_of(cases), {"at": 1}))
        assert supervised(pipeline) == 5
        assert pipeline.query(f"SELECT COUNT(*) FROM `{pipeline.topics[0]}`") == [(0,)]


def test_a_lossy_column_takes_what_it_rounds_and_counts_it(database: Addresses, tmp_path: Path) -> None:
    cases = [Case(DECIMAL, "DECIMAL(10,2)", [], []), Case(MILLIS, "DATETIME", [], [])]
    settings: dict[str, Any] = {"on_error": "dead_letter", "lossy": ["c0"]}
    with typed_pipeline(database, tmp_path, partitions=1, **settings) as pipeline:
        pipeline.metadata = False
        topic, schema_id = pipeline.topics[0], create_typed(pipeline, schema_of(cases))
        remade(pipeline, {"at": "INT NOT NULL", "c0": "DECIMAL(10,2)", "c1": "DATETIME"})
        values = [(dec(15_000), AT), (dec(12_345), AT), (dec(1), AT + 1), (dec(99_999_999_999), AT)]
        below = schema_of([case._replace(kind=beneath(case.kind)) for case in cases])
        for at, (amount, moment) in enumerate(values):
            pipeline.send(topic, wire(schema_id, below, {"at": at, "c0": amount, "c1": moment}))
        assert supervised(pipeline) == 0
        rows = [(row[0], str(row[1])) for row in pipeline.query(f"SELECT at, c0 FROM `{topic}` ORDER BY at")]
        assert rows == [(0, "1.50"), (1, "1.23"), (3, "10000000.00")]
        assert list(dead_letters_of(pipeline, topic)) == [2]  # by the other column; it does not count as altered
        [stopped] = pipeline.events("stopped")
        assert "2 values altered by lossy columns" in stopped["msg"]
        assert "(lossy)" in pipeline.run("table", "plan", "--topics", topic).stdout
        verified = pipeline.run("verify", "--topics", topic, "--values")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert "column c0 is not compared" in verified.stdout
        pipeline.settings["lossy"] = ["amuont"]
        pipeline.write_settings()
        slip = pipeline.run("table", "plan", "--topics", topic)
        assert slip.returncode == 78
        assert "`lossy` names amuont" in slip.stderr


@pytest.mark.faults
def test_a_column_that_somebody_makes_narrower_while_rows_flow_is_noticed(database: Addresses, tmp_path: Path) -> None:
    """Within seconds, and without a restart: what does not fit from then on is refused."""
    cases = [Case(DECIMAL, "DECIMAL(12,4)", [], [])]
    with typed_pipeline(database, tmp_path, partitions=1, on_error="dead_letter") as pipeline:
        pipeline.metadata = False
        topic, schema_id = pipeline.topics[0], create_typed(pipeline, schema_of(cases))
        remade(pipeline, {"at": "INT NOT NULL", "c0": "DECIMAL(12,4)"})
        below = schema_of([case._replace(kind=beneath(case.kind)) for case in cases])
        sent = [0]

        def send() -> None:
            pipeline.send(topic, wire(schema_id, below, {"at": sent[0], "c0": dec(12_345)}))
            sent[0] += 1

        def arrived() -> int:
            rows = int(pipeline.query(f"SELECT COUNT(*) FROM `{topic}`")[0][0])
            return rows + len(dead_letters_of(pipeline, topic))

        pipeline.supervise()
        send()
        eventually(lambda: arrived() == 1, within=60)
        assert not dead_letters_of(pipeline, topic)
        pipeline.query(f"ALTER TABLE `{topic}` MODIFY c0 DECIMAL(10,2)")

        def refused() -> bool:
            send()
            eventually(lambda: arrived() == sent[0], within=60)
            return bool(dead_letters_of(pipeline, topic))

        eventually(refused, within=60)
        before = len(dead_letters_of(pipeline, topic))
        send()
        eventually(lambda: len(dead_letters_of(pipeline, topic)) == before + 1, within=60)


def test_a_float_is_whole_in_a_double(database: Addresses, tmp_path: Path) -> None:
    schema = {"type": "record", "name": "f", "fields": [{"name": "at", "type": "int"}, {"name": "x", "type": "float"}]}
    with typed_pipeline(database, tmp_path, partitions=1, columns={"x": {"mysql": "DOUBLE"}}) as pipeline:
        topic, schema_id = pipeline.topics[0], create_typed(pipeline, schema)
        values = [16_777_217.0, 0.1, 1e-45, 3.4e38, -0.0]
        for at, value in enumerate(values):
            pipeline.send(topic, wire(schema_id, schema, {"at": at, "x": value}))
        assert supervised(pipeline) == 0
        shown = [row[0] for row in pipeline.query(f"SELECT x FROM `{topic}` ORDER BY at")]
        assert shown == [16_777_216.0, 0.10000000149011612, 1.401298464324817e-45, 3.3999999521443642e38, 0.0]
        verified = pipeline.run("verify", "--topics", topic, "--values")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        plan = json.loads(pipeline.run("table", "plan", "--topics", topic, "--json").stdout)["tables"][0]
        assert (plan["state"], plan["limits"], plan["notes"]) == ("fits", [], [])


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ("VARCHAR(255)", "which takes different keys for the same"),
        ("VARCHAR(255) COLLATE utf8mb4_bin", "does not see spaces at the end of a key"),
        ("VARBINARY(20)", ""),
    ],
)
def test_keys_that_a_column_would_merge(database: Addresses, tmp_path: Path, column: str, why: str) -> None:
    schema = {"type": "record", "name": "k", "fields": [{"name": "id", "type": "string"}, {"name": "v", "type": "int"}]}
    settings: dict[str, Any] = {"mode": "upsert", "key": ["id"], "tombstones": "delete", "on_error": "dead_letter"}
    with typed_pipeline(database, tmp_path, partitions=1, **settings) as pipeline:
        pipeline.metadata = False
        topic, schema_id = pipeline.topics[0], create_typed(pipeline, schema)
        remade(pipeline, {"id": f"{column} NOT NULL PRIMARY KEY", "v": "INT NOT NULL"})
        keys = ["abc", "ABC", "x", "x ", "straße", "strasse"]
        for number, key in enumerate(keys):
            pipeline.send(topic, wire(schema_id, schema, {"id": key, "v": number}), key=key)
        pipeline.send(topic, None, key="aBC")
        if not why:
            pipeline.send(topic, wire(schema_id, schema, {"id": "k" * 21, "v": 0}), key="k" * 21)
        planned = pipeline.run("table", "plan", "--topics", topic)
        code = supervised(pipeline)
        if why:
            assert (planned.returncode, code in {5, 78}) == (5, True)
            assert why in planned.stdout
            mended = planned.stdout.split("repair it by: ")[1].split("  refused")[0].splitlines()[0]
            pipeline.query(mended)
            planned, code = pipeline.run("table", "plan", "--topics", topic), supervised(pipeline)
        assert (planned.returncode, code) == (0, 0), planned.stdout + planned.stderr
        rows = dict(pipeline.query(f"SELECT CAST(id AS BINARY), v FROM `{topic}`"))
        assert {key.decode(): value for key, value in rows.items()} == {key: n for n, key in enumerate(keys)}
        verified = pipeline.run("verify", "--topics", topic, "--values")
        assert verified.returncode == 0, verified.stdout + verified.stderr
