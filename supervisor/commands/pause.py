"""`rtpipe pause`."""

from __future__ import annotations

from supervisor.commands.parts.options import Json, Yes
from supervisor.commands.parts.partition_verbs import Where, do


def pause(where: Where, yes: Yes = False, as_json: Json = False) -> None:
    """Pause partitions: what was read is committed, then they stay without processes until they are resumed.

    A pause outlives the supervisor. The other partitions go on.

    Examples:
      rtpipe pause orders/0
      rtpipe pause orders payments/3 --yes

    """
    do("pause", where, yes=yes, as_json=as_json)
