"""How a trial looks to a person, and to a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from supervisor.dead_letters.message_text import escaped
from supervisor.trial.outcome import PartitionTrial, TopicTrial
from workers.contract.batch_figures import NO_TIME, PhaseSeconds
from workers.contract.refusal import advice_for

#: Dead letters of a reason that are shown.
_EXAMPLES = 3


def print_trial(trial: TopicTrial) -> None:
    """One topic, on stdout."""
    out = Console(highlight=False, soft_wrap=True)
    messages = sum(one.messages for one in trial.partitions)
    out.print(Text(f"{trial.topic} -> {trial.table}: {messages:,} messages tried", style="bold"))
    _counts(out, trial)
    for reason, count in sorted(_dead(trial).items()):
        _dead_letters(out, trial, reason, count)
    for one in trial.partitions:
        _partition(out, one)
    _statements(out, trial)
    if messages:
        out.print(Text(f"  time: {_times(_seconds(trial))}"))
    out.print(Text("  nothing of it was kept: no row, no dead letter, no offset", style="dim"))


def facts_of(trial: TopicTrial) -> dict[str, Any]:
    """The same for programs."""
    return {
        "topic": trial.topic,
        "table": trial.table,
        "table_missing": trial.missing,
        "statements": list(trial.statements),
        "statements_note": trial.statements_note or None,
        "partitions": [_facts(one) for one in trial.partitions],
    }


def _facts(one: PartitionTrial) -> dict[str, Any]:
    stop = one.stop
    return {
        "partition": one.key.partition,
        "first_offset": one.first,
        "next_offset": one.next_offset,
        "messages": one.messages,
        "rows": one.rows,
        "ignored": one.ignored,
        "altered": one.altered,
        "encoded_only": one.encoded_only,
        "encoded_only_why": one.note or None,
        "dead_letters": dict(one.dead),
        "examples": [
            {"offset": offset, "error_name": reason, "error_text": why}
            for reason, examples in one.examples.items()
            for offset, why in examples
        ],
        "seconds": {
            "reading": round(one.seconds.waiting, 3),
            "encoding": round(one.seconds.encoding, 3),
            "writing": round(one.seconds.writing, 3),
        },
        "stop": stop and {"error_name": stop.name, "error_text": stop.message, "what_to_do": stop.hint},
    }


def _counts(out: Console, trial: TopicTrial) -> None:
    rows, dead = sum(one.rows for one in trial.partitions), _dead(trial).total()
    counts = [(rows, "rows", "green"), (dead, "dead letters", "red")]
    counts += [(sum(one.ignored for one in trial.partitions), "ignored (tombstones)", "")]
    counts += [(sum(one.altered for one in trial.partitions), "values changed (lossy)", "yellow")]
    for count, words, style in counts[:2] + [one for one in counts[2:] if one[0]]:
        out.print(Text(f"  {count:>10,} {words}", style=style if count else "dim"))


def _dead_letters(out: Console, trial: TopicTrial, reason: str, count: int) -> None:
    out.print(Text.assemble(("  " + reason, "red"), f"  {count:,}"))
    found = [(one.key, *example) for one in trial.partitions for example in one.examples.get(reason, ())]
    for key, offset, why in found[:_EXAMPLES]:
        out.print(Text(f"    {key} offset {offset}  {escaped(why)}"))
    out.print(Text(f"    what to do: {advice_for(reason)}", style="dim"))


def _partition(out: Console, one: PartitionTrial) -> None:
    if one.encoded_only:
        words = f"  {one.key}: {one.encoded_only:,} of {one.messages:,} messages were encoded, not written: {one.note}"
        out.print(Text(words, style="yellow"))
    if one.stop is not None:
        where = f"  {one.key} would stop before offset {one.next_offset}: "
        out.print(Text.assemble((where, "red"), f"{one.stop.name}  {escaped(one.stop.message)}"))
        if one.stop.hint:
            out.print(Text(f"    what to do: {one.stop.hint}", style="dim"))


def _statements(out: Console, trial: TopicTrial) -> None:
    if trial.missing:
        out.print(Text(f"  table {trial.table} is not there: rtpipe setup --topics {trial.topic} makes it, by"))
    elif trial.statements:
        out.print(Text("  the table must change; rtpipe supervise would run, and rtpipe table apply runs"))
    for statement in trial.statements:
        out.print(Text("\n".join("    " + line for line in f"{statement};".splitlines()), style="cyan"))
    if trial.statements_note:
        out.print(Text(f"    not known: {trial.statements_note}", style="yellow"))


def _dead(trial: TopicTrial) -> Counter[str]:
    return sum((one.dead for one in trial.partitions), Counter())


def _seconds(trial: TopicTrial) -> PhaseSeconds:
    return sum((one.seconds for one in trial.partitions), NO_TIME)


def _times(spent: PhaseSeconds) -> str:
    parts = {"reading": spent.waiting, "decoding and building": spent.encoding, "writing": spent.writing}
    return ", ".join(f"{name} {seconds:.2f} s" for name, seconds in parts.items())


def all_facts(trials: Sequence[TopicTrial]) -> dict[str, Any]:
    """The answer of --json."""
    return {"topics": [facts_of(trial) for trial in trials]}
