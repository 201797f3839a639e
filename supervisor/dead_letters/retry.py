"""`rtpipe dead-letters retry`: chosen dead letters are encoded and written again, by partition and in chunks."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Iterator

from rtpipe.errors import ExitCode
from supervisor import partition_plan
from supervisor.dead_letters.admin import DeadLetterAdmin
from supervisor.dead_letters.fetch import DeadLetterFetch, pieces
from supervisor.dead_letters.selection import Selection
from supervisor.schemas.schema_requests import SchemaRequests
from supervisor.schemas.table_fitter import TableFitter
from supervisor.settings.accounts import accounts
from supervisor.settings.fields.registry_settings import open_registry
from supervisor.settings.settings import Settings
from workers.commit.encoding.batch_encoder import BatchEncoder
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Reason, Refusal
from workers.contract.reports import SchemaWanted
from workers.contract.schema_answers import SchemaAnswer, SchemaAnswers, SchemaHalt, SchemaRefused
from workers.retry.dead_letter import DeadLetter, DeadLetterSource
from workers.retry.dead_letter_retry import DeadLetterRetry
from workers.retry.outcome import RetryOutcome, RetryResult
from workers.rows.schema_source import SchemaHaltError, SchemaSource

#: Of the dead letters that are none any more, as many are named.
_DONE_NAMED = 1_000
#: What is wrong with one schema or its table alone: dead letters of other schemas may still become rows.
_OF_ONE_SCHEMA = {ExitCode.SCHEMA_REFUSED, ExitCode.BAD_SETUP, ExitCode.USAGE}


class RetryTally:
    """How many dead letters became what, and those that are still there."""

    def __init__(self) -> None:
        self.by_topic: dict[str, Counter[str]] = {}  #: topic -> result -> how many
        self.left: list[RetryOutcome] = []
        self.done: list[RetryOutcome] = []  #: the first of the others: there may be millions

    def add(self, outcome: RetryOutcome) -> None:
        """Count one outcome."""
        self.by_topic.setdefault(outcome.source.key.topic, Counter())[outcome.result] += 1
        if outcome.result in {RetryResult.REFUSED, RetryResult.KEPT}:
            self.left.append(outcome)
        elif len(self.done) < _DONE_NAMED:
            self.done.append(outcome)

    @property
    def counts(self) -> Counter[str]:
        """Of all topics."""
        return sum(self.by_topic.values(), Counter())


class DeadLetterRetries:
    """One run of the command. `force` and `dry_run` as for DeadLetterRetry."""

    def __init__(self, settings: Settings, *, force: bool, dry_run: bool) -> None:
        self._settings = settings
        self._force = force
        self._dry_run = dry_run
        fitter = TableFitter(accounts(settings))
        self._requests = SchemaRequests(lambda: open_registry(settings), fitter, patient=False)
        self._admin = DeadLetterAdmin(settings.database_url.get_secret_value(), settings.database_seconds)

    def run(self, chosen: Selection, limit: int | None) -> Iterator[RetryOutcome]:
        """What became of each dead letter, as it goes; at most `limit` of them, None: all."""
        until = self._admin.now()
        with DeadLetterFetch(self._settings.librdkafka()) as fetch:
            for source in self._admin.sources(chosen):
                for outcome in self._of(source, self._admin.chunks(source, chosen, until, limit), fetch):
                    if limit is not None:
                        limit -= 1
                    yield outcome

    def _of(
        self, source: DeadLetterSource, chunks: Iterator[list[DeadLetter]], fetch: DeadLetterFetch
    ) -> Iterator[RetryOutcome]:
        spec = self._spec(source)
        encoder = BatchEncoder(spec, SchemaSource(lambda wanted: self._answers(spec, wanted)), hold=False)
        with contextlib.closing(
            DeadLetterRetry(source, spec, encoder, force=self._force, dry_run=self._dry_run)
        ) as retry:
            for dead_letters in chunks:
                if source.group == spec.group:
                    for piece in pieces(dead_letters):
                        yield from retry.write([fetch.whole(dead_letter) for dead_letter in piece])
                else:
                    why = f"it is of the consumer group {source.group}, the settings say {spec.group}"
                    yield from (
                        RetryOutcome(source, each.offset, RetryResult.KEPT, each.error_name, why)
                        for each in dead_letters
                    )

    def _answers(self, spec: PartitionSpec, wanted: SchemaWanted) -> SchemaAnswers:
        """From the schema requests of this very process. SchemaHaltError for what ends the command."""
        answers = self._requests.answer(spec, wanted)
        return tuple(_of_one_schema(answer, wanted) for answer in answers)

    def _spec(self, source: DeadLetterSource) -> PartitionSpec:
        """What a worker of the partition would be started with; a dry run never alters a table."""
        spec = partition_plan.spec_of(
            self._settings, source.key, topic_id=source.topic_id, cluster_id="", first_offset=0
        )
        if self._dry_run and spec.rules.evolution == "evolve":
            # A table is not altered only to see what would be.
            return dataclasses.replace(spec, rules=dataclasses.replace(spec.rules, evolution="freeze"))
        return spec


def _of_one_schema(answer: SchemaAnswer, wanted: SchemaWanted) -> SchemaAnswer:
    """What is wrong with one schema or its table refuses its dead letters alone."""
    if not isinstance(answer, SchemaHalt):
        return answer
    if wanted.use == "value" and answer.end.code in _OF_ONE_SCHEMA:
        name, text = answer.end.name, answer.end.text
        why = text if name == Reason.UNFIT_TABLE else f"{name} {text}"
        return SchemaRefused(answer.schema_id, Refusal(Reason.UNFIT_TABLE, why))
    raise SchemaHaltError(
        answer.end,
        hint="repair that, then retry again: what is written is no dead letter any more, the others are unchanged",
    )
