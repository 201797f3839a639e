"""Texts that a person types, read in one way everywhere: lists of topics, TOPIC/PARTITION, durations, moments."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rtpipe.errors import SettingsError

if TYPE_CHECKING:
    from workers.contract.partition_spec import PartitionKey

_DURATION = re.compile(r"(?P<number>\d{1,9}(?:\.\d{1,9})?)(?P<unit>[smhd]?)")
#: Seconds of each unit.
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}")
_PARTITION = re.compile(r"[0-9]{1,9}")


def words(given: Iterable[str]) -> list[str]:
    """An option that may be repeated, each time with several values separated by commas, as one list in order."""
    return [word.strip() for text in given for word in text.split(",") if word.strip()]


def topic_names(given: Iterable[str]) -> list[str]:
    """`a,b` and repeated options as one list in order, of names alone. Raises as `topic_entries`."""
    names = topic_entries(given)
    if patterns := [name for name in names if is_pattern(name)]:
        raise SettingsError(
            f"{', '.join(patterns)}: a regular expression, and this command takes topics by their names",
            hint="supervise, verify, try, setup, doctor, table and offsets list take regular expressions",
        )
    return names


def is_pattern(entry: str) -> bool:
    """Whether an entry is a regular expression, as for Kafka's clients: it begins with ^."""
    return entry.startswith("^")


def is_topic_name(text: str) -> bool:
    """Whether Kafka would take it as the name of a topic."""
    return _TOPIC.fullmatch(text) is not None


def topic_entries(given: Iterable[str]) -> list[str]:
    """`a,b` and repeated options as one list in order. Raises SettingsError for none or for one named twice."""
    names = words(given)
    if not names:
        raise SettingsError("no topic given", hint="for example: --topics dataset1,dataset2,dataset3")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(f"topic named twice: {', '.join(twice)}", hint="name each topic once")
    return names


def topic_and_partition(text: str) -> tuple[str, int | None]:
    """`orders` or `orders/0`; the partition is None where the topic stands alone. Raises SettingsError."""
    topic, slash, partition = text.partition("/")
    if not _TOPIC.fullmatch(topic) or (slash and not _PARTITION.fullmatch(partition)):
        raise SettingsError(
            f"{text!r} is neither TOPIC nor TOPIC/PARTITION", hint="for example: dataset1 or dataset1/0"
        )
    return topic, int(partition) if slash else None


def partition_key(text: str) -> PartitionKey:
    """`orders/0`. Raises SettingsError, also for a topic that stands alone."""
    topic, partition = topic_and_partition(text)
    if partition is None:
        raise SettingsError(f"{text!r} is not TOPIC/PARTITION", hint="for example: dataset1/0")
    from workers.contract.partition_spec import PartitionKey  # noqa: PLC0415 - every command reads this module

    return PartitionKey(topic, partition)


def duration_seconds(text: str, *, unit_needed: bool = False) -> float | None:
    """`90`, `90s`, `10m`, `8h` and `7d` in seconds; None for what is no duration, and for none at all.

    `unit_needed`: a number alone is none, as where `2026` is a year.
    """
    found = _DURATION.fullmatch(text.strip())
    if not found or (unit_needed and not found["unit"]):
        return None
    return float(found["number"]) * _UNITS[found["unit"]] or None


def moment(option: str, text: str) -> dt.datetime:
    """`90s`, `30m`, `2h`, `7d` ago; `03:12`, the last time it was that late; or a date and time by ISO 8601.

    All in UTC, unless the text says otherwise. SettingsError, which names the option, for anything else.
    """
    now = dt.datetime.now(dt.UTC)
    try:
        if (seconds := duration_seconds(text, unit_needed=True)) is not None:
            return now - dt.timedelta(seconds=seconds)
        if _CLOCK.fullmatch(text):
            today = dt.datetime.combine(now.date(), dt.time.fromisoformat(text.zfill(5)), dt.UTC)
            return today if today <= now else today - dt.timedelta(days=1)
        found = dt.datetime.fromisoformat(text)
        return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        raise SettingsError(
            f"{option} {text!r} is no duration and no time",
            hint=f"for example: {option} 2h, {option} 03:12, {option} 2026-05-01T10:00; times are in UTC",
        ) from None
