"""The limits of the columns of each topic's table, told when the supervisor starts: an idle topic has them, too."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable

from avro_schemas.registry.topic_schemas import TopicSchemas
from avro_schemas.tables.lineage import Lineage, lineage_of
from rtpipe.credentials import LoginRefusedError
from rtpipe.errors import RtpipeError, UnreachableError
from rtpipe.log import get_logger
from rtpipe.pause import PausePolicy
from supervisor.schemas.shared_registry import SharedRegistry
from supervisor.schemas.table_fitter import TableFitter
from supervisor.schemas.table_plans.table_plan import TableTarget
from workers.contract.partition_spec import PartitionSpec

log = get_logger("supervisor")
_PAUSES = PausePolicy(first=0.5, longest=10.0)


def tell_at_start(specs: Iterable[PartitionSpec], registry: SharedRegistry, fitter: TableFitter) -> threading.Thread:
    """Tell of each topic's table and its newest schema, in a thread that nothing waits for."""
    topics = {spec.key.topic: spec for spec in specs}
    thread = threading.Thread(
        target=_tell_all, args=(list(topics.values()), registry, fitter), name="column limits", daemon=True
    )
    thread.start()
    return thread


def _tell_all(specs: Iterable[PartitionSpec], registry: SharedRegistry, fitter: TableFitter) -> None:
    """A service that does not answer is asked again. Nothing is logged: the workers need the same service, and say so.

    The workers also report what else is wrong with a schema or a table, at the first message.
    """
    waiting, tries = deque(specs), 0
    while waiting:
        spec = waiting.popleft()
        try:
            with registry.in_use():
                _tell(spec, registry, fitter)
        except (UnreachableError, LoginRefusedError):
            waiting.append(spec)
            tries += 1
            time.sleep(_PAUSES.seconds(tries))
        except RtpipeError as error:
            text, extra = "%s: the limits of its table's columns are not known: %s", {"event": "column_limits_unknown"}
            log.debug(text, spec.key.topic, error.message, extra=extra | {"topic": spec.key.topic})


def _tell(spec: PartitionSpec, registry: SharedRegistry, fitter: TableFitter) -> None:
    schemas = TopicSchemas(registry.current, spec.key.topic, spec.subjects)
    newest = schemas.newest()
    if newest is None:  # no schema yet, or one for each record: the first message tells which
        return
    schema_id, schema = newest

    def lineage() -> Lineage:
        known = schemas.versions([schema])
        return lineage_of([known[number] for number in sorted(known)], spec.table, spec.rules)

    fitter.tell_limits(TableTarget(spec.key.topic, spec.table, schema_id, schema, spec.rules, lineage))
