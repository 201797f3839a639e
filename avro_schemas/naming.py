"""What things are called: one topic = one subject = one table = one consumer group, and the columns of a table.

Every rule is a pure function of the names alone, so that each process and each run finds the same ones.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

from rtpipe.errors import SchemaError

#: Longest table and column name that MySQL and MariaDB take.
MAX_IDENTIFIER = 64
#: Longest topic name that Kafka takes.
MAX_TOPIC = 249
#: The table that holds the position of every partition.
OFFSETS_TABLE = "kafka_offsets"
#: Tables whose names begin so are rtpipe's own, too.
OWN_PREFIX = "rtpipe_"

_TOPIC = re.compile(r"[A-Za-z0-9._-]+")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def group_for(topic: str) -> str:
    """The consumer group under which `kafka_offsets` keeps the topic's position."""
    return f"group-{topic}"


def table_for(topic: str) -> str:
    """The topic's table: its own name, `.` and `-` included; over 64 characters cut, with a hash at the end.

    Raises SchemaError if Kafka would not take the name or the table would be one of rtpipe's own.
    """
    problem = topic_problem(topic) or own_table_problem(topic)
    if problem:
        raise SchemaError(f"topic {topic!r}: {problem}")
    return topic if len(topic) <= MAX_IDENTIFIER else _hashed(topic, topic)


def topic_problem(name: str) -> str | None:
    """Why Kafka would refuse this topic name, or None."""
    if name in {"", ".", ".."}:
        return "the name of a topic may not be empty, '.' or '..'"
    if len(name) > MAX_TOPIC:
        return f"the name has {len(name)} characters, a topic at most {MAX_TOPIC}"
    if not _TOPIC.fullmatch(name):
        return "the name of a topic has only the letters A-Z and a-z, digits, '.', '_' and '-'"
    return None


def own_table_problem(name: str) -> str | None:
    """Why a topic may not fill a table of this name, or None."""
    if name.lower() == OFFSETS_TABLE or name.lower().startswith(OWN_PREFIX):
        return f"the tables {OFFSETS_TABLE} and {OWN_PREFIX}* are rtpipe's own"
    return None


def collision_key(topic: str) -> str:
    """Equal for two topics that cannot live side by side: Kafka folds `.` and `_`, some MySQL servers fold case."""
    return topic.replace(".", "_").lower()


def is_plain(name: str) -> bool:
    """Whether this is an Avro name: ASCII letters, digits and underscores, no digit first."""
    return _PLAIN.fullmatch(name) is not None


def column_names(fields: Mapping[str, str], reserved: Iterable[str]) -> dict[str, str]:
    """Field -> column name, in the order of `fields`: what each field would be called by itself.

    It is called so unless that is no plain name, is longer than 64 characters, is one of those reserved for columns of
    rtpipe's own, or differs only in case from an earlier field; then it becomes its plain beginning and six hexadecimal
    digits of the name's SHA-1 (more where another column has that very name).
    """
    names: dict[str, str] = {}
    taken = set(reserved)
    renamed = []
    for field, name in fields.items():
        if is_plain(name) and len(name) <= MAX_IDENTIFIER and name.lower() not in taken:
            taken.add(name.lower())
            names[field] = name
        else:
            renamed.append(field)
            names[field] = ""
    for field in renamed:
        beginning = re.sub(r"[^A-Za-z0-9_]", "_", fields[field])
        if not is_plain(beginning):
            beginning = f"_{beginning}"
        digits = 6
        while (name := _hashed(beginning, field, digits)).lower() in taken:
            digits += 1
        taken.add(name.lower())
        names[field] = name
    return names


def _hashed(beginning: str, name: str, digits: int = 6) -> str:
    """`beginning`, cut so that all has at most 64 characters, and the first `digits` of the SHA-1 of `name`."""
    sha1 = hashlib.sha1(name.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()[:digits]
    return f"{beginning[: MAX_IDENTIFIER - 1 - digits]}_{sha1}"
