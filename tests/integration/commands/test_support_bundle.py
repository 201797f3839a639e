"""`rtpipe support-bundle` beside a running supervisor, with the passwords that are really in use."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from tests.support.command_answers import CANARY
from tests.support.pipeline.pipeline import running_pipeline
from tests.support.waits import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses


def test_a_bundle_of_a_running_pipeline(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=1, on_error="dead_letter") as pipeline:
        topic = pipeline.topics[0]
        pipeline.produce(5)
        pipeline.send(topic, CANARY.encode())
        process = pipeline.supervise()
        eventually(pipeline.caught_up, within=60)
        bundle = tmp_path / "b.tar.gz"
        secret = {"RTPIPE_REGISTRY": json.dumps({"basic.auth.user.info": f"me:{CANARY}"})}
        answer = pipeline.run("support-bundle", "-o", str(bundle), env=secret)
        assert answer.returncode == 0, answer.stderr
        process.terminate()
        assert process.wait(60) == 0
        with tarfile.open(bundle) as archive:
            texts = {one.name: archive.extractfile(one).read().decode() for one in archive.getmembers()}  # type: ignore[union-attr]
        passwords = {str(make_url(url).password) for url in (stack.database_url, stack.infra_database_url)}
        for text in [*texts.values(), answer.stdout, answer.stderr]:
            assert not [one for one in (CANARY, *passwords) if one in text]
            assert "consumer1%21" not in text
        found = {name.partition("/")[2]: json.loads(text) for name, text in texts.items()}
        [reply] = found["status.json"]["supervisors"]
        assert [one["topic"] for one in reply["partitions"]] == [topic]
        assert found["settings.json"]["topics"][topic]
        assert {one["area"] for one in found["doctor.json"]["checks"]} >= {"kafka", "registry", "database", "machine"}
        assert found["events.json"]["events"]
