"""What writers of one topic are answered: schemas by their ids, and the layouts of their rows in the topic's table.

All ids that a batch brings are found out in one round: the registry is asked side by side, the table is looked at once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from avro_schemas.registry.subject_names import record_name
from avro_schemas.registry.topic_schemas import ForeignSchemaError, TopicSchemas
from avro_schemas.tables.lineage import Lineage, lineage_of
from rtpipe.errors import NotAvroError, RtpipeError, SchemaError
from rtpipe.log import get_logger
from supervisor.schemas.schema_fetch import SchemaFetch
from supervisor.schemas.table_fitter import KeyLayout, TableFitter
from supervisor.schemas.table_plans.plan_verdict import DiscardedError
from supervisor.schemas.table_plans.table_plan import TableTarget
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Reason, Refusal
from workers.contract.reports import Ended, SchemaWanted, Use
from workers.contract.schema_answers import (
    KeySchema,
    SchemaAnswer,
    SchemaAnswers,
    SchemaHalt,
    SchemaLayout,
    SchemaRefused,
)

if TYPE_CHECKING:
    from avro_schemas.registry.client import Registry

log = get_logger("supervisor")
#: How a step is done until its service answers, or once.
Insist = Callable[[Callable[[], Any]], Any]


class TopicAnswers:
    """One topic; not for several threads at once."""

    def __init__(
        self, topic: str, registry: Callable[[], Registry], fitter: TableFitter, insist: Insist, *, patient: bool
    ) -> None:
        self._topic = topic
        self._registry = registry
        self._fitter = fitter
        self._insist = insist
        self._fetch = SchemaFetch(patient=patient)
        self._met: dict[int, Any] = {}
        self._known: dict[tuple[int, Use], SchemaAnswer] = {}
        self._ours: TopicSchemas | None = None

    def answer(self, spec: PartitionSpec, wanted: SchemaWanted) -> SchemaAnswers:
        """What is known, or found out. Not remembered is what somebody may mend: refusals, and columns too narrow."""
        if wanted.again:
            self._known.clear()
        if wanted.use == "newest":
            return (self._newest(spec),)
        if wanted.use == "key":
            known = self._known.get((wanted.schema_id, "key"))
            return (known or self._keep(spec, self._key(spec, wanted.schema_id), "key"),)
        ids = list(dict.fromkeys((wanted.schema_id, *wanted.also)))
        new = [one for one in ids if (one, "value") not in self._known]
        if new and spec.rules.mode == "upsert":  # whose other layouts a new one changes
            new = ids
        found = {one.schema_id: self._keep(spec, one) for one in self._round(spec, new)} if new else {}
        return tuple(found.get(one) or self._known[one, "value"] for one in ids)

    def _keep(self, spec: PartitionSpec, answer: SchemaAnswer, use: Use = "value") -> SchemaAnswer:
        if isinstance(answer, SchemaLayout | KeySchema) and not _may_change(answer, spec):
            self._known[answer.schema_id, use] = answer
        return answer

    def _schemas(self, spec: PartitionSpec) -> TopicSchemas:
        if self._ours is None:
            self._ours = TopicSchemas(self._registry, self._topic, spec.subjects)
        return self._ours

    def _key(self, spec: PartitionSpec, schema_id: int) -> SchemaAnswer:
        try:
            return KeySchema(schema_id, self._insist(lambda: self._schemas(spec).key(schema_id)))
        except RtpipeError as error:
            return _without(schema_id, error)

    def _newest(self, spec: PartitionSpec) -> SchemaAnswer:
        """The values that a tombstone has none of: by the subject, else by what was met, else by the table's key, which
        serves also where the table takes no rows of that schema.
        """
        schema_id = 0
        try:
            found = self._insist(lambda: self._schemas(spec).newest()) or self._newest_met()
            if found is not None:
                schema_id, schema = found
                [answer] = self._round(spec, [schema_id], {schema_id: schema})
                if not isinstance(answer, SchemaRefused):
                    return answer
            by_key: KeyLayout = self._insist(lambda: self._fitter.key_layout(spec.table, spec.rules))
            return SchemaLayout(0, by_key.schema, by_key.layout.rows())
        except RtpipeError as error:
            return SchemaHalt(schema_id, Ended.by(error))

    def _newest_met(self) -> tuple[int, Any] | None:
        return max(self._met.items(), key=lambda one: one[0]) if self._met else None

    def _round(
        self, spec: PartitionSpec, ids: Sequence[int], given: dict[int, Any] | None = None
    ) -> list[SchemaAnswer]:
        """The answers about values of these ids, in any order."""
        found = given or self._fetch.fetched(ids, lambda one: self._insist(lambda: self._schemas(spec).value(one)))
        answers = [_without(number, one) for number, one in found.items() if isinstance(one, RtpipeError)]
        schemas = {number: one for number, one in found.items() if not isinstance(one, RtpipeError)}
        self._meet(spec, schemas)
        return [*answers, *self._fitted(spec, schemas)] if schemas else answers

    def _fitted(self, spec: PartitionSpec, schemas: dict[int, Any]) -> list[SchemaAnswer]:
        """The answers about schemas that are there, by what the table is and becomes."""
        lineage = functools.cache(lambda: self._lineage(spec))
        targets = [
            TableTarget(self._topic, spec.table, number, schema, spec.rules, lineage)
            for number, schema in schemas.items()
        ]
        try:
            fitted = self._insist(lambda: self._fitter.fit(targets))
        except RtpipeError as error:
            return [_of_table(number, error) for number in schemas]
        return [
            _of_table(number, one) if isinstance(one, RtpipeError) else SchemaLayout(number, schema, one.rows())
            for (number, schema), one in zip(schemas.items(), fitted, strict=True)
        ]

    def _lineage(self, spec: PartitionSpec) -> Lineage:
        known = self._insist(lambda: self._schemas(spec).versions(self._met.values())) | self._met
        return lineage_of([known[number] for number in sorted(known)], spec.table, spec.rules)

    def _meet(self, spec: PartitionSpec, schemas: dict[int, Any]) -> None:
        """Note the schemas. Updates by their predecessors must from now on reset the columns that are theirs alone."""
        names = {record_name(other) for other in self._met.values()}
        for schema_id, schema in schemas.items():
            if schema_id in self._met:
                continue
            if spec.rules.mode == "upsert":
                self._known.clear()
            name = record_name(schema)
            if names and name not in names and not spec.subjects.by_record:
                text = "%s: schema id %d is a record called %s, not %s: fields are matched by name"
                extra = {"event": "record_renamed"}
                log.warning(text, self._topic, schema_id, name, " or ".join(sorted(names)), extra=extra)
            names.add(name)
            self._met[schema_id] = schema


def _without(schema_id: int, error: RtpipeError) -> SchemaAnswer:
    """There is no schema: what each message of the id is refused by, or what stops the partition."""
    if isinstance(error, NotAvroError):
        return SchemaRefused(schema_id, Refusal(Reason.WIRE_FORMAT, f"{error.message}: {error.hint}"))
    if isinstance(error, ForeignSchemaError):
        return SchemaRefused(schema_id, Refusal(Reason.FOREIGN_SCHEMA, error.message))
    if isinstance(error, SchemaError):
        return SchemaRefused(schema_id, Refusal(Reason.UNKNOWN_SCHEMA, error.message))
    return SchemaHalt(schema_id, Ended.by(error))


def _of_table(schema_id: int, error: RtpipeError) -> SchemaAnswer:
    if isinstance(error, DiscardedError):
        return SchemaRefused(schema_id, Refusal(Reason.DISCARDED, error.message))
    ended = Ended.by(error)
    text = f"schema id {schema_id}: {ended.text}"
    return SchemaHalt(schema_id, Ended(ended.code, ended.name, text, ended.lasting))


def _may_change(answer: SchemaLayout | KeySchema, spec: PartitionSpec) -> bool:
    """Whether the layout is one that `rtpipe table apply` would better: a writer that starts again asks anew."""
    columns = answer.layout.columns if isinstance(answer, SchemaLayout) else ()
    for_now = any(column.narrow or column.required or column.user_column for column in columns)
    return for_now or spec.rules.evolution == "discard_value"
