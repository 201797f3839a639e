"""`rtpipe resume`."""

from __future__ import annotations

from typing import Annotated

import typer


def resume(where: Annotated[str, typer.Argument(help="TOPIC or TOPIC/PARTITION.")]) -> None:
    """Start halted or quarantined partitions of the running supervisor again. Repair the cause first.

    Examples:
      rtpipe resume dataset1
      rtpipe resume dataset1/0

    """
    from supervisor.control_socket import runtime_directory
    from supervisor.settings.option_values import topic_and_partition
    from supervisor.settings.settings import load
    from supervisor.status.running_supervisors import ask_to_resume

    topic, partition = topic_and_partition(where)
    resumed = ask_to_resume(runtime_directory(load().runtime_dir), topic, partition)
    print(f"resumed {', '.join(resumed)}")
