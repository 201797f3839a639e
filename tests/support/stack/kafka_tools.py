"""Kafka's own command-line tools: the one jar that they need beside those of the embedded broker, fetched once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from infra.stack.artifacts.cache import artifact_paths, cache_directory
from infra.stack.artifacts.download import download
from infra.stack.artifacts.lock import LockedFile
from infra.stack.errors import DownloadError
from infra.stack.services.service import java

TOOLS = LockedFile(
    unit="kafka-tools",
    group="org.apache.kafka",
    artifact="kafka-tools",
    version="4.4.0",
    classifier="",
    kind="jar",
    size=751_995,
    sha256="4eb9a7fbfd63badfd8d1a677aa2d54b47b2b2d442ff7d68fd223972afea1954c",
)


@pytest.fixture(scope="session")
def tools_jar() -> Path:
    """The jar in the user's cache."""
    home = cache_directory() / f"{TOOLS.unit}-{TOOLS.version}"
    jar = home / TOOLS.filename
    if not jar.exists():
        home.mkdir(parents=True, exist_ok=True)
        try:
            download([TOOLS], home, lambda _: None)
        except DownloadError as exc:
            pytest.skip(f"Kafka's tools not run: {exc.message}")
    return jar


def described_group(jar: Path, bootstrap_servers: str, group: str) -> list[dict[str, str]]:
    """What `kafka-consumer-groups.sh --describe --group …` prints: partitions, by the titles of columns."""
    jars = artifact_paths(cache_directory()).kafka
    tool = [java(), "-cp", f"{jar}:{jars}/*", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"]
    done = subprocess.run(
        [*tool, "--bootstrap-server", bootstrap_servers, "--describe", "--group", group],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    [titles] = [words for words in lines if words[:1] == ["GROUP"]]
    return [dict(zip(titles, words, strict=True)) for words in lines if words[:1] == [group]]
