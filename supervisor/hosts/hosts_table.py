"""`rtpipe_hosts`, read and written: a host's own row, and those of all. All functions raise DatabaseTrouble.

Whoever may write to the table may write anything: what is read from it is looked at before anybody uses it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select, text, update
from sqlalchemy.dialects.mysql import insert

from avro_schemas.tables.own_tables.hosts import HOSTS
from supervisor.hosts.host_said import FORGOTTEN_AFTER, HostSaid
from supervisor.status.facts.pipeline_status import PipelineStatus

#: What of a partition is published: a table shows it, and it stays small.
_SHOWN = frozenset(
    {"topic", "partition", "state", "reason", "epoch", "end_offset", "offset", "rows", "dead", "rows_per_second"}
    | {"restarts", "warning", "state_seconds", "condition", "condition_reason", "condition_seconds", "lag_seconds"}
)
_AGE = func.timestampdiff(text("MICROSECOND"), HOSTS.c.published_at, func.utc_timestamp(6))
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks of a host; `by` says who."""

    number: str  #: tells the answer to this one from others
    command: str
    body: Mapping[str, Any]
    by: str

    @classmethod
    def from_text(cls, text: str | None) -> Asked | None:
        """What a row has; None if that is nothing to be done."""
        found = _object(text)
        number, command, body, by = (found.get(name) for name in ("number", "command", "body", "by"))
        if not (isinstance(number, str) and isinstance(command, str) and isinstance(by, str)):
            return None
        if not isinstance(body, dict) or not _are_texts(body.get("where")):
            return None
        client, dry_run = str(body.get("page_client") or ""), body.get("dry_run") is True
        return cls(number, command, {"where": body["where"], "dry_run": dry_run, "page_client": client}, by)


class HostsTable:
    """The rows of one group."""

    def __init__(self, connection: Connection, group: str) -> None:
        self._connection = connection
        self._group = group

    def publish(self, instance_id: str, owner: str, status: Mapping[str, Any]) -> None:
        """A host's own status, as the control socket gives it."""
        said = {"owner": owner, "published_at": func.utc_timestamp(6), "status": json.dumps(_shortened(status))}
        row = insert(HOSTS).values(member_group=self._group, instance_id=instance_id, **said)
        self._connection.execute(row.on_duplicate_key_update(**said))
        self._connection.commit()

    def hosts(self) -> list[HostSaid]:
        """All of the group that were heard of in the last days, by name."""
        columns = HOSTS.c.instance_id, HOSTS.c.owner, HOSTS.c.status, _AGE.label("age")
        heard = and_(HOSTS.c.member_group == self._group, _AGE < FORGOTTEN_AFTER * _MICROSECONDS)
        wanted = select(*columns).where(heard).order_by(HOSTS.c.instance_id)
        rows = self._connection.execute(wanted).all()
        self._connection.commit()
        return [_said(row) for row in rows]

    def forget(self, instance_id: str) -> None:
        """As if it had not been heard of for long; it is known again once it says something."""
        moment = func.timestampadd(text("SECOND"), -FORGOTTEN_AFTER, func.utc_timestamp(6))
        self._connection.execute(update(HOSTS).where(self._row(instance_id)).values(published_at=moment))
        self._connection.commit()

    def ask(self, instance_id: str, asked: Asked) -> None:
        """Write down what is asked of a host; what was asked of it before and is not done is forgotten."""
        words = {"number": asked.number, "command": asked.command, "body": dict(asked.body), "by": asked.by}
        self._write(instance_id, asked=json.dumps(words), answer=None)

    def asked(self, instance_id: str) -> Asked | None:
        """What is asked of a host, and not answered."""
        wanted = select(HOSTS.c.asked, HOSTS.c.answer).where(self._row(instance_id))
        row = self._connection.execute(wanted).one_or_none()
        self._connection.commit()
        return Asked.from_text(row.asked) if row is not None and row.answer is None else None

    def answer(self, instance_id: str, number: str, reply: Mapping[str, Any]) -> None:
        """What came of it."""
        self._write(instance_id, answer=json.dumps({"number": number, "reply": reply}))

    def answer_to(self, instance_id: str, number: str) -> dict[str, Any] | None:
        """The reply to what was asked under this number; None while there is none."""
        said = self._connection.execute(select(HOSTS.c.answer).where(self._row(instance_id))).scalar()
        self._connection.commit()
        found = _object(said)
        return _reply(found.get("reply")) if found.get("number") == number else None

    def _write(self, instance_id: str, **values: str | None) -> None:
        self._connection.execute(update(HOSTS).where(self._row(instance_id)).values(**values))
        self._connection.commit()

    def _row(self, instance_id: str) -> ColumnElement[bool]:
        return and_(HOSTS.c.member_group == self._group, HOSTS.c.instance_id == instance_id)


def _object(text: str | None) -> dict[str, Any]:
    """A JSON object; {} for anything else."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _reply(said: object) -> dict[str, Any]:
    """A supervisor's answer, as its socket gives it; an error if it is none."""
    reply = said if isinstance(said, dict) else {}
    if isinstance(reply.get("error"), str):
        return {"error": reply["error"]}
    refused = reply.get("refused")
    whole = isinstance(refused, dict) and all(isinstance(why, str) for why in refused.values())
    if not whole or not _are_texts(reply.get("done")) or not _are_texts(reply.get("unknown")):
        return {"error": "the host's answer cannot be read"}
    return {name: reply[name] for name in ("done", "refused", "unknown")} | {"warning": str(reply.get("warning") or "")}


def _said(row: Any) -> HostSaid:
    status = PipelineStatus.from_json(_object(row.status))
    return HostSaid(row.instance_id, row.owner, float(row.age) / _MICROSECONDS, status)


def _shortened(status: Mapping[str, Any]) -> dict[str, Any]:
    partitions = [{name: one[name] for name in _SHOWN if name in one} for one in status["partitions"]]
    return {**status, "topics": [], "partitions": partitions}
