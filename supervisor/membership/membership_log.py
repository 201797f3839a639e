"""What the log says of the group and its members."""

from __future__ import annotations

from collections.abc import Collection

from rtpipe.log import get_logger
from supervisor.membership.member_words import MemberStart, Said
from workers.contract.partition_spec import PartitionKey

log = get_logger("supervisor")
#: Partitions that a line names.
_NAMED = 5


def joining(start: MemberStart, said: Said) -> None:
    """The member asks to join, by the protocol `said.text`."""
    text = "%s joins the group %s by the %s protocol; a host that is silent for %g s loses its partitions"
    extra = {"event": "group_joining", "group": start.group, "instance_id": start.instance_id}
    log.info(text, start.instance_id, start.group, said.text, said.seconds, extra=extra)


def assigned(keys: Collection[PartitionKey]) -> None:
    """These are ours."""
    log.info("the group gave to this host: %s", _named(keys), extra=_extra("partitions_assigned", keys))


def revoked(keys: Collection[PartitionKey]) -> None:
    """These go to another host once they have drained."""
    text = "the group gives to another host, once they have drained: %s"
    log.info(text, _named(keys), extra=_extra("partitions_revoked", keys))


def lost(keys: Collection[PartitionKey], why: str) -> None:
    """These may be another host's by now."""
    text = "stopped, since another host may have them by now: %s (%s)"
    log.warning(text, _named(keys), why, extra=_extra("partitions_lost", keys))


def claimed_back(key: PartitionKey) -> None:
    """The group says that it is ours, whoever claimed it."""
    text = "%s: claimed back: the group says that it is this host's, and who claimed it was late"
    log.warning(text, key, extra={"event": "partition_claimed_back", "partition": str(key)})


def trouble(why: str) -> None:
    """The member goes on, but a person should know."""
    log.warning("membership: %s", why, extra={"event": "membership_trouble"})


def replaced(start: MemberStart, why: str) -> None:
    """Another supervisor joined by our instance id."""
    text = (
        "another supervisor joined the group %s as %s, so this one ends (%s); give each one an instance_id of its own,"
        " and each pipeline a membership_group of its own"
    )
    log.error(text, start.group, start.instance_id, why, extra={"event": "member_replaced", "group": start.group})


def _named(keys: Collection[PartitionKey]) -> str:
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    return ", ".join(map(str, sorted(keys)[:_NAMED])) + more


def _extra(event: str, keys: Collection[PartitionKey]) -> dict[str, str | int]:
    return {"event": event, "partitions": len(keys)}
