"""`rtpipe restart`."""

from __future__ import annotations

from supervisor.commands.parts.options import Json, Yes
from supervisor.commands.parts.partition_verbs import Where, do


def restart(where: Where, yes: Yes = False, as_json: Json = False) -> None:
    """Restart partitions: what was read is committed, then they start again at once, in new processes.

    No death is counted. A login or a setting of Kafka that is in a file is read again.

    Examples:
      rtpipe restart orders/0
      rtpipe restart orders payments/3 --yes

    """
    do("restart", where, yes=yes, as_json=as_json)
