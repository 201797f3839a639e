"""A command asks the supervisors of this machine to do something to partitions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rtpipe.errors import SettingsError
from supervisor.control.control_socket import Reply, ask_all
from supervisor.settings.option_values import topic_and_partition
from supervisor.status.running_supervisors import nobody_answers


@dataclass(frozen=True, slots=True)
class ActAnswer:
    """What the supervisors did, or would do."""

    done: Sequence[str]  #: the partitions
    refused: dict[str, str] = field(default_factory=dict)  #: partition -> why
    warnings: Sequence[str] = ()
    messages: Sequence[str] = ()  #: what the supervisors say of it beside

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"done": self.done, "refused": self.refused, "warnings": self.warnings, "messages": self.messages}


#: Asks: command, places, what the command needs beside -> the replies of those who may have the places.
Asker = Callable[[str, Sequence[str], Mapping[str, Any]], list[Reply]]


def ask_to(
    command: str,
    directory: Path,
    where: Iterable[str],
    *,
    dry_run: bool = False,
    elsewhere: Asker | None = None,
    **more: float | str,
) -> ActAnswer:
    """Have something done to partitions, each a TOPIC or TOPIC/PARTITION.

    The supervisors of this machine are asked, or those that `elsewhere` asks.

    UnreachableError if no supervisor answers; SettingsError if no supervisor has one of `where`, or if nothing can be
    done to any of them. With `dry_run` nothing is done. `more`: what the command needs beside.
    """
    places = [_normal(place) for place in where]
    asked = {"dry_run": dry_run, **more}
    replies = elsewhere(command, places, asked) if elsewhere else ask_all(directory, command, where=places, **asked)
    if not replies:
        raise nobody_answers(directory)
    known = [reply for reply in replies if "error" not in reply]
    if not known:
        raise SettingsError(f"the supervisor refuses: {replies[0]['error']}", hint="see: rtpipe status")
    return _together(known, places)


def ask_to_reload(directory: Path, *, dry_run: bool) -> list[Reply]:
    """Have all supervisors read their settings again: what changes. Raises as `ask_to` does."""
    replies = ask_all(directory, "reload", dry_run=dry_run)
    if not replies:
        raise nobody_answers(directory)
    for reply in replies:
        if "error" in reply:
            raise SettingsError(f"nothing was changed: {reply['error']}", hint="repair the settings, then again")
    return replies


def _together(replies: Sequence[Reply], places: Sequence[str]) -> ActAnswer:
    nobody = [place for place in places if all(place in reply["unknown"] for reply in replies)]
    if nobody:
        raise SettingsError(f"no supervisor here has {', '.join(nobody)}", hint="see: rtpipe status")
    refused: dict[str, str] = {}
    for reply in replies:
        refused |= reply["refused"]
    done = [partition for reply in replies for partition in reply["done"]]
    if not done:
        partition, why = next(iter(refused.items()))
        more = f"; and {len(refused) - 1} more" if len(refused) > 1 else ""
        raise SettingsError(f"{partition}: {why}{more}", hint="see: rtpipe status")
    said = [[reply[key] for reply in replies if reply.get(key)] for key in ("warning", "message")]
    return ActAnswer(done, refused, *said)


def _normal(place: str) -> str:
    topic, partition = topic_and_partition(place)
    return topic if partition is None else f"{topic}/{partition}"
