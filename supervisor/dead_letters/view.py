"""How dead letters look to a person, and to a program."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from supervisor.dead_letters.admin import DeadLetterCount
from supervisor.dead_letters.message_text import DeadLetterReader, as_json, escaped, hex_dump, text_of
from supervisor.dead_letters.retry import RetryTally
from workers.contract.batch import Headers
from workers.contract.refusal import advice_for
from workers.retry.dead_letter import DeadLetter
from workers.retry.outcome import RetryOutcome, RetryResult
from workers.rows.metadata_literals import moment_text

_LONGEST_TEXT = 120
#: Characters of a value in a list, and in a cell of its table.
_BEGIN, _CELL = 400, 60
#: Letters that a retry spells out.
_SPELT_OUT = 20
#: Bytes, or characters, of a key, header or value that are shown unless --hex asks for all.
_SHOWN = 4_096


def console() -> Console:
    """Stdout; where that is no terminal, wide enough for a table."""
    found = Console(highlight=False, soft_wrap=False)
    return found if found.is_terminal else Console(highlight=False, width=200)


def facts_of(dead_letter: DeadLetter) -> dict[str, Any]:
    """All but key, value and headers, for JSON."""
    return {
        "topic": dead_letter.source.key.topic,
        "partition": dead_letter.source.key.partition,
        "offset": dead_letter.offset,
        "consumer_group": dead_letter.source.group,
        "topic_id": dead_letter.source.topic_id,
        "timestamp": _utc_milliseconds(dead_letter.timestamp),
        "schema_id": dead_letter.schema_id,
        "error_name": dead_letter.error_name,
        "error_text": dead_letter.error_text,
        "table_name": dead_letter.table,
        "written_at": iso(dead_letter.written_at),
        "dropped_at": None if dead_letter.dropped_at is None else iso(dead_letter.dropped_at),
    }


def content_of(dead_letter: DeadLetter) -> dict[str, Any]:
    """Key, value and headers in base64, and whether they are all that Kafka gave."""
    headers = None if dead_letter.headers is None else [[name, _base64(value)] for name, value in dead_letter.headers]
    return {
        "complete": dead_letter.whole,
        "key": _base64(dead_letter.key),
        "value": _base64(dead_letter.value),
        "headers": headers,
        "timestamp_ms": None if dead_letter.timestamp < 0 else dead_letter.timestamp,
    }


def all_of(dead_letter: DeadLetter, reader: DeadLetterReader) -> dict[str, Any]:
    """Everything of a dead letter, for JSON: facts, content, advice, and its value as its schema reads it."""
    decoded = json.loads(as_json(reader.decoded(dead_letter.value)[0])) if dead_letter.value else None
    return (
        facts_of(dead_letter)
        | content_of(dead_letter)
        | {"what_to_do": advice_for(dead_letter.error_name), "decoded": decoded}
    )


def iso(moment: dt.datetime) -> str:
    """A time in UTC by ISO 8601."""
    return moment.isoformat() + "Z"


def facts_of_list(
    counts: Sequence[DeadLetterCount], dead_letters: Sequence[DeadLetter], reader: DeadLetterReader | None
) -> dict[str, Any]:
    """The answer of `rtpipe dead-letters list --json`. `reader`: of their values, if those are shown."""

    def with_value(dead_letter: DeadLetter) -> dict[str, Any]:
        return facts_of(dead_letter) | ({"value_text": begin_of(dead_letter.value, reader)} if reader else {})

    return {"summary": [facts_of_count(count) for count in counts], "dead_letters": [*map(with_value, dead_letters)]}


def begin_of(value: bytes | None, reader: DeadLetterReader) -> str | None:
    """The begin of a value: decoded as JSON, else its text, else its bytes as 0x...; None if there is none."""
    if value is None:
        return None
    decoded = reader.decoded(value)[0]
    text = as_json(decoded) if decoded is not None else text_of(value) or f"0x{value.hex()}"
    shown = escaped(text)
    return shown if len(shown) <= _BEGIN else shown[: _BEGIN - 1] + "…"


def facts_of_count(found: DeadLetterCount) -> dict[str, Any]:
    """A line of the summary, for JSON."""
    times = {"first": iso(found.first), "last": iso(found.last)}
    return {"topic": found.topic, "error_name": found.error_name, "count": found.count, **times}


def counts_table(counts: Sequence[DeadLetterCount]) -> Table:
    """How many there are of each topic and error."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("TOPIC", "ERROR", "NUMBER", "FIRST (UTC)", "LAST (UTC)"):
        table.add_column(title, justify="right" if title == "NUMBER" else "left", no_wrap=True)
    for found in counts:
        first, last = (str(moment.replace(microsecond=0)) for moment in (found.first, found.last))
        table.add_row(Text(found.topic), Text(found.error_name), f"{found.count:,}", first, last)
    return table


def dead_letters_table(dead_letters: Sequence[DeadLetter], reader: DeadLetterReader | None) -> Table:
    """A line for each dead letter; nothing of its message without a `reader`."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("PARTITION", "OFFSET", "MESSAGE (UTC)", "ERROR"):
        table.add_column(title, justify="right" if title == "OFFSET" else "left", no_wrap=True)
    table.add_column("TEXT", overflow="fold")
    if reader is not None:
        table.add_column("VALUE", no_wrap=True, overflow="ellipsis", max_width=_CELL)
    for dead_letter in dead_letters:
        moment = (_utc_milliseconds(dead_letter.timestamp) or "-").removesuffix("Z").replace("T", " ")
        text = dead_letter.error_text if dead_letter.dropped_at is None else f"dropped {iso(dead_letter.dropped_at)}"
        shown = escaped(text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…")
        table.add_row(
            Text(str(dead_letter.source.key)),
            str(dead_letter.offset),
            moment,
            Text(dead_letter.error_name),
            Text(shown),
            *([] if reader is None else [Text(begin_of(dead_letter.value, reader) or "null")]),
        )
    return table


def print_list(
    counts: Sequence[DeadLetterCount], dead_letters: Sequence[DeadLetter], reader: DeadLetterReader | None
) -> None:
    """The numbers by topic and error, then the newest dead letters; with a `reader` also their values."""
    out = console()
    out.print(counts_table(counts))
    out.print()
    out.print(dead_letters_table(dead_letters, reader))
    total = sum(found.count for found in counts)
    if total > len(dead_letters):
        out.print(f"and {total - len(dead_letters):,} older ones (see --limit)")


def print_dead_letter(dead_letter: DeadLetter, reader: DeadLetterReader, *, whole: bool) -> None:
    """All of one dead letter. `whole`: as bytes, and none left out."""
    out = Console(highlight=False, soft_wrap=True)
    facts = facts_of(dead_letter)
    for name in ("consumer_group", "topic_id", "timestamp", "schema_id", "table_name", "written_at"):
        _line(out, name, "-" if facts[name] is None else str(facts[name]))
    _line(out, "error", f"{dead_letter.error_name}  {dead_letter.error_text}")
    if dead_letter.dropped_at is not None:
        _line(out, "dropped_at", f"{iso(dead_letter.dropped_at)}; key, value and headers are gone")
        return
    _line(out, "what to do", advice_for(dead_letter.error_name))
    if not dead_letter.whole:
        _line(out, "note", "what was too large is missing here; Kafka has it, as long as the topic keeps it")
    _content(out, "key", dead_letter.key, reader, whole=whole)
    _headers(out, dead_letter.headers, reader, whole=whole)
    _content(out, "value", dead_letter.value, reader, whole=whole)


def outcome_of(outcome: RetryOutcome) -> dict[str, Any]:
    """What became of one dead letter, for JSON."""
    key = outcome.source.key
    position = {"topic": key.topic, "partition": key.partition, "offset": outcome.offset}
    return position | {"result": str(outcome.result), "error_name": outcome.error_name, "error_text": outcome.text}


def tally_of(tally: RetryTally, *, dry_run: bool) -> dict[str, Any]:
    """A retry, for JSON."""
    numbers = {str(result): tally.counts[result] for result in RetryResult}
    left, done = ([outcome_of(outcome) for outcome in some] for some in (tally.left, tally.done))
    return {"dry_run": dry_run, **numbers, "left": left, "done": done}


def print_tally(tally: RetryTally, *, dry_run: bool) -> None:
    """The first dead letters that are still there after a retry, and how many became what."""
    if not tally.counts:
        print("no dead letters like that")
        return
    for outcome in tally.left[:_SPELT_OUT]:
        text = escaped(f"{outcome.error_name}  {outcome.text}")
        print(f"{outcome.result:<8} {outcome.source.key} offset {outcome.offset}  {text}")
    if len(tally.left) > _SPELT_OUT:
        print(f"and {len(tally.left) - _SPELT_OUT:,} more like these (--json has all)")
    words = ", ".join(f"{count:,} {result}" for result, count in sorted(tally.counts.items()))
    print(f"{words}; this was a dry run: nothing is changed" if dry_run else words)


def _headers(out: Console, headers: Headers | None, reader: DeadLetterReader, *, whole: bool) -> None:
    for name, value in headers or []:
        _content(out, f"header {name}", value, reader, whole=whole)


def _content(out: Console, name: str, data: bytes | None, reader: DeadLetterReader, *, whole: bool) -> None:
    """Bytes as what they most likely are: JSON of their schema, else text, else a dump."""
    if data is None:
        _line(out, name, "null")
        return
    _line(out, name, f"{len(data):,} bytes")
    decoded, text = (None, None) if whole else (reader.decoded(data)[0], text_of(data))
    if decoded is not None:
        lines = as_json(decoded, indent=2).split("\n")
    elif text:
        lines = text[:_SHOWN].split("\n")
    else:
        lines = hex_dump(data if whole else data[:_SHOWN])
    size = 0
    for line in lines:
        size += len(line)
        if size > _SHOWN and decoded is not None:
            break
        out.print(Text("    " + escaped(line)))
    if not whole and (size > _SHOWN or (decoded is None and len(data) > _SHOWN)):
        out.print(Text("    … and more: --hex or --json shows all", style="dim"))


def _line(out: Console, name: str, text: str) -> None:
    out.print(Text.assemble((f"{escaped(name):<15}", "bold"), escaped(text)))


def _utc_milliseconds(timestamp: int) -> str | None:
    text = moment_text(timestamp)
    return text and text.replace(" ", "T") + "Z"


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
