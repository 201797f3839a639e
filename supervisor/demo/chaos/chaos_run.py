"""One run of `rtpipe chaos`: a topic and a table of its own, faults, and a report."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from supervisor.demo.chaos.chaos import Chaos
from supervisor.demo.chaos.chaos_faults import HOST_KINDS, KINDS
from supervisor.demo.chaos.chaos_hosts import ChaosHosts, hosts_of
from supervisor.demo.chaos.chaos_report import ChaosReport
from supervisor.demo.pipeline_driver import PipelineDriver
from supervisor.demo.until import DriverError
from supervisor.settings.settings import Settings, as_environment

#: Fields of the topic that is made, by type.
_FIELDS = {"key": "string(64)", "number": "long", "share": "double", "text": "string", "at": "timestamp-micros"}


def run_chaos(
    settings: Settings,
    say: Callable[[str], None],
    *,
    duration: float,
    rate: int,
    partitions: int,
    seed: int | None,
    hosts: int = 1,
) -> ChaosReport:
    """Faults for `duration` seconds on a stream of `rate` messages a second; `seed` None: by chance.

    `say` is called with lines about what happens. `hosts`: supervisors that share the partitions. The topic and its
    table stay, and of a run that finds something its logs.
    """
    seed = random.randrange(10**6) if seed is None else seed
    topic = f"chaos_{seed}_{random.randrange(10**6)}"
    directory = Path(tempfile.mkdtemp(prefix="rtpipe-chaos-"))
    _write_settings(directory)
    schemas = directory / "schema_before.json"
    schemas.write_text(json.dumps([{"name": topic, "fields": _FIELDS}]))
    environment = as_environment(settings)
    driver = PipelineDriver(directory, [topic], environment)
    several = hosts_of(directory, hosts, topic, environment) if hosts > 1 else [driver.supervisor]
    of_all = ChaosHosts(several, partitions)
    kinds = KINDS if hosts == 1 else (*KINDS, *HOST_KINDS)
    found_something = False
    try:
        driver.commands.run("infra", "create", "--schemas", str(schemas), "--partitions", str(partitions))
        say(f"seed {seed}, topic and table {topic}")
        chaos = Chaos(driver, of_all, settings.database_url.get_secret_value(), seed, say)
        report = chaos.run(duration, rate, kinds)
        found_something = not report.ok
        return report
    except DriverError:
        found_something = True
        raise
    finally:
        driver.load.stop()
        of_all.stop()
        if found_something:
            say(f"the logs are in {directory}")
        else:
            shutil.rmtree(directory)


def _write_settings(directory: Path) -> None:
    """Small batches, so that there are many transactions to hit; offsets in the rows, so that each can be named."""
    (directory / "rtpipe.toml").write_text(
        '[defaults]\nbatch_rows = 500\nqueue_batches = 4\nmetadata_columns = ["_kafka_partition", "_kafka_offset"]\n'
    )
