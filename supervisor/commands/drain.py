"""`rtpipe drain`."""

from __future__ import annotations

from supervisor.commands.parts.options import Json, Yes
from supervisor.commands.parts.partition_verbs import Where, do


def drain(where: Where, yes: Yes = False, as_json: Json = False) -> None:
    """End partitions for as long as the supervisor runs: what was read is committed.

    To stop them only until you resume them: rtpipe pause. When all partitions have ended, the supervisor ends, too.

    Examples:
      rtpipe drain orders/0
      rtpipe drain orders payments/3 --yes

    """
    do("drain", where, yes=yes, as_json=as_json)
