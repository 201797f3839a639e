"""Schemas and tables for workers: they ask by id, a thread for each topic finds the answer, which is remembered.

One registry client for a whole pipeline, instead of one in every writer, which would cost each of them 6 MB and each
start 60 ms. A registry or database that is away is waited for; only what it says is final. Topics do not wait for one
another: a table that is altered for an hour holds up its own partitions alone.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from avro_schemas.credentials import LoginRefusedError
from avro_schemas.errors import ExitCode, NotAvroError, RtpipeError, SchemaError, UnreachableError
from avro_schemas.lineage import Lineage, lineage_of
from avro_schemas.naming import subject_for
from avro_schemas.table_layout import TableLayout, table_layout
from infra.table_session import Cause
from supervisor.table_keeper import DiscardedError
from workers.partition_spec import PartitionSpec
from workers.process_log import get_logger
from workers.reports import Ended, SchemaAnswer, SchemaWanted

if TYPE_CHECKING:
    from avro_schemas.registry_client import Registry
    from supervisor.process_handle import ProcessHandle
    from supervisor.table_keeper import TableKeeper

log = get_logger("supervisor")
_T = TypeVar("_T")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0


class SchemaDesk:
    """`ask` from the loop; `answers` gives, in the loop again, who asked and what came back."""

    def __init__(self, open_registry: Callable[[], Registry], keeper: TableKeeper, *, patient: bool = True) -> None:
        """`patient`: a service that does not answer is waited for; else that is the answer's problem."""
        self._open_registry = open_registry
        self._keeper = keeper
        self._insist = _patiently if patient else _once
        self._registry: Registry | None = None
        self._opening = threading.Lock()
        self._known: dict[str, dict[tuple[int, str], SchemaAnswer]] = {}  # of a topic, which its thread alone touches
        self._met: dict[str, dict[int, Any]] = {}
        self._asked: dict[str, queue.SimpleQueue[tuple[ProcessHandle, PartitionSpec, SchemaWanted]]] = {}
        self._answered: queue.SimpleQueue[tuple[ProcessHandle, SchemaAnswer]] = queue.SimpleQueue()
        self._wake: Callable[[], None] = lambda: None

    def open(self, wake: Callable[[], None]) -> None:
        """`wake` is called from another thread when there are `answers`. The registry's client loads meanwhile."""
        self._wake = wake
        threading.Thread(target=self._prepare, name="registry client", daemon=True).start()

    def ask(self, who: ProcessHandle, spec: PartitionSpec, wanted: SchemaWanted) -> None:
        """`who` comes back beside the answer."""
        topic = spec.key.topic
        if topic not in self._asked:
            self._asked[topic] = queue.SimpleQueue()
            work = threading.Thread(target=self._work, args=(self._asked[topic],), name=f"schemas {topic}", daemon=True)
            work.start()
        self._asked[topic].put((who, spec, wanted))

    def answers(self) -> Iterator[tuple[ProcessHandle, SchemaAnswer]]:
        """What is ready."""
        while not self._answered.empty():
            yield self._answered.get()

    def _work(self, asked: queue.SimpleQueue[tuple[ProcessHandle, PartitionSpec, SchemaWanted]]) -> None:
        while True:
            who, spec, wanted = asked.get()
            try:
                answer = self.answer(spec, wanted)
            except Exception as exc:  # an answer, too: a writer waits for one
                log.exception("schema id %d", wanted.schema_id, extra={"event": "schema_failed"})
                ended = Ended(ExitCode.FAILED, RtpipeError.name, f"schema id {wanted.schema_id}: {type(exc).__name__}")
                answer = SchemaAnswer(wanted.schema_id, problem=ended)
            self._answered.put((who, answer))
            with contextlib.suppress(OSError):  # the loop has ended meanwhile
                self._wake()

    def answer(self, spec: PartitionSpec, wanted: SchemaWanted) -> SchemaAnswer:
        """What is known, or found out. Not remembered is what somebody may mend: problems, and columns too narrow."""
        place, known = (wanted.schema_id, wanted.use), self._known.setdefault(spec.key.topic, {})
        if wanted.again:
            known.clear()
        if place not in known or wanted.use == "newest":
            answer = self._find(spec, wanted)
            if answer.schema is None or _may_change(answer, spec):
                return answer
            known[place] = answer
        return known[place]

    def _find(self, spec: PartitionSpec, wanted: SchemaWanted) -> SchemaAnswer:
        schema_id = wanted.schema_id
        try:
            if wanted.use == "newest":
                schema_id, schema = self._insist(lambda: self._client().latest(subject_for(spec.key.topic)))
            else:
                schema = self._insist(lambda: self._client().schema_by_id(schema_id))
        except SchemaError as exc:
            if wanted.use == "newest":
                return SchemaAnswer(schema_id, problem=Ended.by(exc))
            if isinstance(exc, NotAvroError):
                return SchemaAnswer(schema_id, refusal=("E_WIRE_FORMAT", f"{exc.message}: {exc.hint}"))
            return SchemaAnswer(schema_id, refusal=("E_UNKNOWN_SCHEMA", exc.message))
        except RtpipeError as exc:
            self._registry = None  # its files and secrets may be others by the next time
            return SchemaAnswer(schema_id, problem=Ended.by(exc))
        if wanted.use == "key":
            return SchemaAnswer(schema_id, schema)
        self._meet(spec, schema_id, schema)
        try:
            layout = table_layout(schema, table=spec.table, rules=spec.rules)
            return SchemaAnswer(schema_id, schema, self._insist(lambda: self._fitted(spec, schema_id, layout)))
        except DiscardedError as exc:
            return SchemaAnswer(schema_id, refusal=(exc.name, exc.message))
        except RtpipeError as exc:
            ended = Ended.by(exc)
            text = f"schema id {schema_id}: {ended.text}"
            return SchemaAnswer(schema_id, problem=Ended(ended.code, ended.name, text, ended.lasting))

    def _meet(self, spec: PartitionSpec, schema_id: int, schema: Any) -> None:
        """Note a schema. Updates by its predecessors must from now on reset the columns that are its alone."""
        met = self._met.setdefault(spec.key.topic, {})
        if schema_id in met:
            return
        if spec.rules.mode == "upsert":
            self._known[spec.key.topic].clear()
        names = {_full_name(other) for other in met.values()}
        if names and _full_name(schema) not in names:
            text = "%s: schema id %d is a record called %s, not %s: fields are matched by name"
            extra = {"event": "record_renamed"}
            log.warning(text, spec.key.topic, schema_id, _full_name(schema), " or ".join(sorted(names)), extra=extra)
        met[schema_id] = schema

    def _fitted(self, spec: PartitionSpec, schema_id: int, layout: TableLayout) -> TableLayout:
        topic = spec.key.topic

        def lineage() -> Lineage:
            schemas = dict(self._insist(lambda: self._client().versions(subject_for(topic)))) | self._met[topic]
            return lineage_of([schemas[number] for number in sorted(schemas)], spec.table, spec.rules)

        return self._keeper.fit(Cause(topic, schema_id), layout, spec.rules, lineage)

    def _prepare(self) -> None:
        with contextlib.suppress(RtpipeError):  # whoever asks hears of it
            self._client()

    def _client(self) -> Registry:
        with self._opening:
            if self._registry is None:
                self._registry = self._open_registry()
        return self._registry


def _may_change(answer: SchemaAnswer, spec: PartitionSpec) -> bool:
    """Whether the layout is one that `rtpipe table apply` would better: a writer that starts again asks anew."""
    columns = answer.layout.columns if answer.layout else ()
    return spec.rules.evolution == "discard_value" or any(column.narrow for column in columns)


def _full_name(schema: Any) -> str:
    return f"{schema.get('namespace', '')}.{schema.get('name', '')}".strip(".") if isinstance(schema, dict) else ""


def _once(step: Callable[[], _T]) -> _T:
    return step()


def _patiently(step: Callable[[], _T]) -> _T:
    """Do it as often as it takes for the service to answer."""
    pause = _FIRST_PAUSE
    while True:
        try:
            return step()
        except (UnreachableError, LoginRefusedError) as exc:
            if pause == _FIRST_PAUSE:
                log.warning("waiting: %s", exc.message, extra={"event": "waiting"})
            time.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)
