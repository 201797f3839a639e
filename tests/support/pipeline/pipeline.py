"""A pipeline of a test's own: fresh topics and tables, raw clients on both sides, the real command in between.

Nothing here uses rtpipe's own producer, consumer or verifier.
"""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.stack.state import Addresses
from tests.support.pipeline.parts.commands import Commands
from tests.support.pipeline.parts.oracle import Oracle
from tests.support.pipeline.parts.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator


class Pipeline(Traffic, Commands, Oracle):
    """Topics and tables, what is sent, the commands that run on them, and the oracle that counts."""


@contextlib.contextmanager
def running_pipeline(
    addresses: Addresses,
    directory: Path,
    *,
    topics: int = 1,
    partitions: int = 3,
    metadata: bool = True,
    copies: int = 1,
    topic_config: dict[str, str] | None = None,
    **settings: Any,
) -> Iterator[Pipeline]:
    """A pipeline on topics that nobody else has; all its processes are gone afterwards."""
    names = [f"t{uuid.uuid4().hex[:10]}" for _ in range(topics)]
    pipeline = Pipeline(addresses, directory, names, partitions, metadata, settings, "bank", topic_config or {}, copies)
    pipeline.create()
    try:
        yield pipeline
    finally:
        pipeline.kill_all()
