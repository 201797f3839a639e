"""`rtpipe resume`."""

from __future__ import annotations

from supervisor.commands.parts.options import Json, Yes
from supervisor.commands.parts.partition_verbs import Where, do


def resume(where: Where, yes: Yes = False, as_json: Json = False) -> None:
    """Start partitions of the running supervisor again that are paused, halted or quarantined. Repair the cause first.

    The stored offset says where each of them begins.

    Examples:
      rtpipe resume orders/0
      rtpipe resume orders payments/3 --yes

    """
    do("resume", where, yes=yes, as_json=as_json)
