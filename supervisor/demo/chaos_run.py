"""One run of `rtpipe chaos`: a topic and a table of its own, faults, and a report."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

from supervisor.demo.chaos import Chaos, ChaosReport, write_settings
from supervisor.demo.pipeline_driver import PipelineDriver
from supervisor.settings.settings import Settings, as_environment

#: Fields of the topic that is made, by type.
_FIELDS = {"key": "string(64)", "number": "long", "share": "double", "text": "string", "at": "timestamp-micros"}


def run_chaos(
    settings: Settings, say: Callable[[str], None], *, duration: float, rate: int, partitions: int, seed: int | None
) -> ChaosReport:
    """Faults for `duration` seconds on a stream of `rate` messages a second; `seed` None: by chance.

    `say` is called with lines about what happens. The topic and its table stay.
    """
    seed = random.randrange(10**6) if seed is None else seed
    topic = f"chaos_{seed}_{random.randrange(10**6)}"
    with tempfile.TemporaryDirectory(prefix="rtpipe-chaos-") as name:
        directory = Path(name)
        write_settings(directory)
        schemas = directory / "schema_before.json"
        schemas.write_text(json.dumps([{"name": topic, "fields": _FIELDS}]))
        driver = PipelineDriver(directory, [topic], as_environment(settings))
        try:
            driver.commands.run("infra", "create", "--schemas", str(schemas), "--partitions", str(partitions))
            say(f"seed {seed}, topic and table {topic}")
            return Chaos(driver, settings.database_url.get_secret_value(), seed, say).run(duration, rate)
        finally:
            driver.stop()
