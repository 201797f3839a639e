"""What the fast path stores is what the general one stores, on both servers, over generated schemas and messages.

RTPIPE_DIFFERENTIAL_ROWS says how many rows, RTPIPE_DIFFERENTIAL_SEED by which seed.
"""

from __future__ import annotations

import io
import math
import os
import random
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import fastavro
import pytest

from tests.support.pipeline.three_ways import WAYS, ThreeWays
from tests.support.samples.avro_values import number
from tests.support.samples.batches import batch_of
from tests.support.stack.server_setting import server_setting
from workers.commit.caution import Caution
from workers.contract.batch import Batch
from workers.rows.columnar.column_encoder import ColumnEncoder

if TYPE_CHECKING:
    from infra.stack.state import Addresses

ROWS = int(os.environ.get("RTPIPE_DIFFERENTIAL_ROWS", "12000"))
SEED = int(os.environ.get("RTPIPE_DIFFERENTIAL_SEED", "29"))
_LONGS = [0, 1, -1, 63, 64, -65, 2**31 - 1, -(2**31), 2**31, 2**53 + 1, 2**62, 2**63 - 1, -(2**63)]
_INTS = [0, 1, -1, 127, -128, 65_535, 2**31 - 1, -(2**31)]
_TEXTS = [
    "", " ", "NULL", "null", '"', '""', "'", "\\", "\\N", "\\0", "\t", "\n", "\r\n", "\0", "\x1a", "\x08", 'a"\tb',
    "a\tb\nc", ",", ";", "--", "\N{PILE OF POO}", "\U0010ffff", "é" * 300, "\N{ZERO WIDTH NO-BREAK SPACE}", "\x7f",
    "e\N{COMBINING ACUTE ACCENT}", "%s", "a  ", " a", "x" * 20_000, '\\"', "1\t2", "0", "-0", "1e5",
]  # fmt: skip
_DOUBLES = [
    0.0,
    -0.0,
    1.5,
    -1.5,
    5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    0.1,
    1e15,
    1e16,
    1e17,
    5.16e-5,
]
_DAY = 86_400
_MOMENTS = [0, 1, -1, 1_679_818_410_755, -62_135_596_800_000, 253_402_300_799_999]
_DATA = [b"", b"\0", b"\xff\xfe", bytes(range(256)), b"'", b"text", b"\\"]


def _logical(base: str, logical: str, **more: Any) -> dict[str, Any]:
    return {"type": base, "logicalType": logical, **more}


def _unscaled(*numbers: int) -> list[bytes]:
    return [value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True) for value in numbers]


def kinds(chance: random.Random) -> list[tuple[Any, list[Any]]]:
    """Types with good values of each, extreme ones among them, as fastavro writes them without logical types."""
    doubles = [struct.unpack("<d", chance.randbytes(8))[0] for _ in range(40)]
    floats = [struct.unpack("<f", chance.randbytes(4))[0] for _ in range(40)]
    numbers = [chance.getrandbits(chance.randint(1, 63)) * chance.choice([1, -1]) for _ in range(40)]
    return [
        ("boolean", [True, False]),
        ("int", [*_INTS, *(value % 2**31 for value in numbers)]),
        ("long", [*_LONGS, *numbers]),
        ("double", [*_DOUBLES, *filter(math.isfinite, doubles), *(chance.random() for _ in range(40))]),
        ("float", [0.0, -0.0, 0.1, 3.4028234663852886e38, 1e-45, *filter(math.isfinite, floats)]),
        ("string", [*_TEXTS, *("".join(chance.choices("aé\"'\\\t\n💧", k=9)) for _ in range(20))]),
        ("bytes", [*_DATA, chance.randbytes(400)]),
        ({"type": "fixed", "name": "f5", "size": 5}, [bytes(5), b"\xff" * 5, b"abcd\\"]),
        ({"type": "enum", "name": "e3", "symbols": ["A", "NULL", "b_2"]}, ["A", "NULL", "b_2"]),
        (_logical("int", "date"), [0, 1, -1, -719_162, 2_932_896, 19_000]),
        (_logical("int", "time-millis"), [0, 1, _DAY * 1_000 - 1]),
        (_logical("long", "time-micros"), [0, 1, _DAY * 1_000_000 - 1]),
        (_logical("long", "timestamp-millis"), _MOMENTS),
        (_logical("long", "timestamp-micros"), [moment * 1_000 + 7 for moment in _MOMENTS]),
        (_logical("long", "local-timestamp-millis"), _MOMENTS),
        (_logical("bytes", "decimal", precision=18, scale=4), _unscaled(0, 1, -1, 10**18 - 1, -(10**18) + 1, 12_345)),
        (_logical("bytes", "decimal", precision=38, scale=10), _unscaled(0, -7, 10**38 - 1, -(10**38) + 1)),
        (_logical("string", "uuid"), ["6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"]),
    ]


#: Values of which the general path makes dead letters, or which it stores otherwise than as they are.
DOUBTFUL: dict[str, list[Any]] = {
    "double": [math.nan, math.inf, -math.inf],
    "float": [math.nan, -math.inf],
    "date": [-719_163, 2_932_897, 2**31 - 1],
    "time-millis": [_DAY * 1_000, -1, 3_020_400_000],
    "time-micros": [_DAY * 1_000_000, -1],
    "timestamp-millis": [253_402_300_800_000, -62_135_596_800_001, 2**63 - 1],
    "timestamp-micros": [253_402_300_800_000_000, -(2**63)],
    "uuid": ["no uuid", ""],
}


class Field:
    """A field and the bytes of some of its values."""

    def __init__(self, at: int, kind: Any, values: list[Any], chance: random.Random) -> None:
        base = kind if isinstance(kind, str) else kind["type"]
        plain = base if base not in {"fixed", "enum"} else {**kind, "name": f"n{at}"}
        self.word = kind if isinstance(kind, str) else kind.get("logicalType", base)
        kind = kind if isinstance(kind, str) or "name" not in kind else plain
        raw = [_written(plain, value) for value in values]
        doubtful = [_written(plain, value) for value in DOUBTFUL.get(self.word, ())]
        null = chance.choice([None, None, 0, 1])
        self.schema = {
            "name": f"c{at}",
            "type": kind if null is None else ["null", kind] if null == 0 else [kind, "null"],
        }
        if null is not None:
            raw = [number(1 - null) + one for one in raw] + [number(null)] * (1 + len(raw) // 4)
            doubtful = [number(1 - null) + one for one in doubtful]
        self.raw, self.doubtful, self.may_be_missing = raw, doubtful, null is not None


def _written(schema: Any, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, value)
    return out.getvalue()


class Versions:
    """Two schemas of a topic: the second has its fields in another order, and may lack one that may be null."""

    def __init__(self, chance: random.Random) -> None:
        known = kinds(chance)
        self.fields = [Field(at, *chance.choice(known), chance) for at in range(chance.randint(1, 9))]
        self.second = chance.sample(range(len(self.fields)), len(self.fields))
        missing = [at for at in self.second if self.fields[at].may_be_missing]
        if missing and len(self.second) > 1:
            self.second.remove(chance.choice(missing))
        inside = chance.randrange(len(self.fields)) if chance.random() < 0.4 else None
        self.schemas = {
            1: _record([self._schema_of(at, inside) for at in range(len(self.fields))]),
            2: _record([self._schema_of(at, inside) for at in self.second]),
        }

    def _schema_of(self, at: int, inside: int | None) -> Any:
        """The field, or a record of it alone, which is always there and adds no byte."""
        field = self.fields[at].schema
        if at != inside:
            return field
        return {"name": f"r{at}", "type": {"type": "record", "name": f"inner{at}", "fields": [field]}}

    def message(self, schema_id: int, row: Sequence[bytes]) -> bytes:
        """A message of these values, which are in the order of the first schema."""
        order = range(len(row)) if schema_id == 1 else self.second
        return b"\0" + schema_id.to_bytes(4, "big") + b"".join(row[at] for at in order)


def _record(fields: list[Any]) -> Any:
    return {"type": "record", "name": "row", "fields": fields}


def _batch(versions: Versions, first: int, chance: random.Random, found: Counter[str]) -> Batch:
    """Mostly of good rows; some batches have doubtful values, broken bodies, or two schema ids."""
    fields = versions.fields
    count = chance.randint(300, 2_000)
    columns = [chance.choices(field.raw, k=count) for field in fields]
    sort = chance.choices(["good", "doubtful", "broken", "two ids", "tombstones"], [6, 1, 1, 1, 1])[0]
    found[sort] += 1
    if sort == "doubtful":
        for field, column in zip(fields, columns, strict=True):
            for one in field.doubtful:
                column[chance.randrange(count)] = one
    ids = [chance.choice([1, 2]) if sort == "two ids" else 1 for _ in range(count)]
    rows = zip(*columns, strict=True)
    values: list[bytes | None] = [versions.message(one, row) for one, row in zip(ids, rows, strict=True)]
    for _ in range(3 if sort in {"broken", "tombstones"} else 0):
        at = chance.randrange(count)
        values[at] = _broken(values[at] or b"", chance) if sort == "broken" else None
    return batch_of(
        values,
        range(first, first + count),
        keys=[chance.choice([None, b"", b"key", b"\xff\0'\""]) for _ in range(count)],
        timestamps=[chance.choice([-1, 0, 1_679_818_410_755]) for _ in range(count)],
        headers={at: [("h", b"\xff"), ("é'\"\\", None)] for at in chance.sample(range(count), 5)},
    )


def _broken(value: bytes, chance: random.Random) -> bytes:
    body = bytearray(value[5:])
    match chance.randrange(4):
        case 0:
            del body[chance.randrange(len(body) + 1) :]
        case 1:
            body += chance.randbytes(chance.randint(1, 3))
        case 2 if body:
            body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
        case _:
            body.insert(chance.randrange(len(body) + 1), 0x80)
    return value[:5] + bytes(body)


@pytest.fixture
def ways(own_database: Addresses) -> Iterator[ThreeWays]:
    """On MariaDB and on MySQL, both with local_infile on."""
    with server_setting(own_database.admin_database_url, "local_infile", 1):
        made = ThreeWays(own_database.admin_database_url)
        try:
            yield made
        finally:
            made.close()


@pytest.mark.timeout(300 + ROWS // 100)
def test_what_the_fast_path_stores_is_what_the_general_one_stores(
    ways: ThreeWays, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found: Counter[str] = Counter()
    _count(monkeypatch, ColumnEncoder, "literals", found, lambda _, answer: answer is not None)
    _count(monkeypatch, Caution, "committed", found, lambda given, _: given["loaded"])
    _count(monkeypatch, Caution, "load_failed", found, lambda *_: True)
    chance, rows = random.Random(SEED), 0
    while rows < ROWS:
        versions, batches = Versions(chance), list[Batch]()
        for _ in range(3):
            batches.append(_batch(versions, batches[-1].next_offset if batches else 0, chance, found))
        stored = {name: (table, letters) for name, table, letters in ways.stored(versions.schemas, batches)}
        for name in WAYS[:2]:
            assert stored[name] == stored["rows"], (SEED, rows, versions.schemas)
        rows += batches[-1].next_offset
        found["dead letters"] += len(stored["rows"][1])
    print(f"{rows:,} rows by three ways, seed {SEED}: {dict(found)}")
    assert found["committed"] >= found["good"], "each good batch was committed with a LOAD DATA"
    assert found["literals"] >= found["good"], "and made a column at a time for INSERT"
    lost = sum("W_COMMIT_OUTCOME" in record.getMessage() for record in caplog.records)
    assert found["load_failed"] <= lost, "what the encoder gives is stored as it is, unless the connection was lost"
    assert found["dead letters"]


def _count(
    monkeypatch: pytest.MonkeyPatch, kind: type, name: str, found: Counter[str], counts: Callable[[Any, Any], bool]
) -> None:
    """Count the calls of a method of which `counts` says so, by what was given and what was answered."""
    plain = getattr(kind, name)

    def counted(self: Any, *given: Any, **named: Any) -> Any:
        answer = plain(self, *given, **named)
        found[name] += bool(counts(named, answer))
        return answer

    monkeypatch.setattr(kind, name, counted)
