"""What may differ from topic to topic: `[defaults]` and the `[[topics]]` blocks of rtpipe.toml."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from avro_schemas.registry.subject_names import OF_KEYS, OF_VALUES, USUAL, SubjectNames, name_problem
from avro_schemas.tables.rules import PLAIN, Evolution, KeyFormat, Mode, TableRules, Tombstones
from rtpipe.errors import SettingsError


class ColumnSettings(BaseModel):
    """What may be said of one field's column."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mysql: str = Field(description="the column's type as MySQL writes it")


class _TopicFields(BaseModel):
    """The settings of a topic. Those that shape its table have the defaults of TableRules, which cannot import us."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str | None = Field(None, description="table name; default: the topic's name")
    shared_table: bool = Field(False, description="other topics may fill the same table")
    subject: str = Field(OF_VALUES, description="the registry's subject of the values, with {topic} and {record}")
    key_subject: str = Field(OF_KEYS, description="the same of the keys, where they are Avro")
    any_subject: bool = Field(USUAL.any_subject, description="read messages by schemas of other subjects, too")
    group: str | None = Field(None, description="consumer group in kafka_offsets; default: group-<topic>")
    mirror_offsets: bool = Field(True, description="Kafka's own consumer group of that name shows the offsets, too")
    mode: Mode = Field(PLAIN.mode, description="a row for each message, or for each key")
    key: tuple[str, ...] = Field((), description="key columns, in upsert mode")
    key_format: KeyFormat = Field(PLAIN.key_format, description="what the bytes of a message's key are")
    tombstones: Tombstones = Field(PLAIN.tombstones, description="what a message without a value does")
    include: tuple[str, ...] = Field((), description="only these fields; default: all")
    exclude: tuple[str, ...] = ()
    rename: dict[str, str] = Field(default_factory=dict, description="field -> column")
    columns: dict[str, ColumnSettings] = Field(default_factory=dict, description="field -> its column")
    metadata_columns: tuple[str, ...] = ()
    flatten: int = Field(PLAIN.flatten, ge=0, le=10, description="levels of records whose fields become columns")
    nanos: Literal["bigint", "datetime6"] = PLAIN.nanos
    nonfinite: Literal["dead_letter", "null"] = Field(PLAIN.nonfinite, description="NaN, infinity in a nullable field")
    overflow: Literal["refuse", "json"] = Field(PLAIN.overflow, description="what fields do that a row has no room for")
    lossy: tuple[str, ...] = Field((), description="columns that people made, which may round or cut values")
    evolution: Evolution = Field(PLAIN.evolution, description="what a schema does that the table does not fit")
    allow_copy: bool = Field(
        PLAIN.allow_copy, description="alter also where that copies the table and blocks its writers"
    )
    batch_rows: int = Field(20_000, ge=1, le=100_000)
    batch_bytes: int = Field(4 << 20, ge=1_024, le=256 << 20)
    linger_ms: float = Field(1, ge=0, le=10_000)
    queue_batches: int = Field(4, ge=1, le=1_000)
    max_rows_per_second: float = Field(0, ge=0, description="of all its partitions together; 0: no limit")
    load_data: bool = Field(True, description="rows go by LOAD DATA LOCAL where server and table take it")
    journal: bool = Field(False, description="a row of rtpipe_journal for each batch, in its transaction")
    late_after: float = Field(60, gt=0, description="seconds; a partition with an older message to commit is late")
    stuck_after: float = Field(120, gt=0, description="seconds without a commit, though messages are there: stuck")
    on_error: Literal["dead_letter", "stop"] = "dead_letter"
    dead_letters_per_minute: int = Field(1_000, ge=0, description="more of them stop the partition; 0: no limit")

    @field_validator("subject", "key_subject")
    @classmethod
    def _names_subjects(cls, value: str) -> str:
        if problem := name_problem(value):
            raise ValueError(problem)
        return value


class TopicSettings(_TopicFields):
    """The settings of one topic: the `[defaults]` block, and what the first `[[topics]]` whose `match` fits says."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(set(self.key)) < len(self.key):
            raise ValueError("`key` names a column twice")
        if (self.mode == "upsert") is not bool(self.key):
            raise ValueError('mode = "upsert" and `key`, its key columns, go together')
        if keys := sorted(set(self.key) & set(self.lossy)):
            raise ValueError(f"`lossy` names {', '.join(keys)}, a key column: keys that change merge")
        if self.tombstones in {"delete", "soft_delete"} and self.mode != "upsert":
            raise ValueError(f'tombstones = "{self.tombstones}" needs mode = "upsert"')
        if self.metadata_columns or self.columns:
            self._have_columns()
        return self

    def _have_columns(self) -> None:
        from avro_schemas.columns.type_text import mysql_type  # noqa: PLC0415
        from avro_schemas.tables.metadata_columns import metadata_of  # noqa: PLC0415 - SQLAlchemy: longer than all the rest

        try:
            metadata_of(self.rules(), has_fields=True)
            for chosen in self.columns.values():
                mysql_type(chosen.mysql)
        except SettingsError as exc:
            raise ValueError(exc.message) from None

    def subjects(self) -> SubjectNames:
        """Where the registry keeps the topic's schemas."""
        return SubjectNames(self.subject, self.key_subject, self.any_subject)

    def rules(self) -> TableRules:
        """What these settings ask of the table."""
        return TableRules(
            mode=self.mode,
            key=self.key,
            key_format=self.key_format,
            tombstones=self.tombstones,
            include=self.include,
            exclude=self.exclude,
            rename=self.rename,
            columns={name: chosen.mysql for name, chosen in self.columns.items()},
            metadata=self.metadata_columns,
            flatten=self.flatten,
            nanos=self.nanos,
            nonfinite=self.nonfinite,
            overflow=self.overflow,
            lossy=self.lossy,
            evolution=self.evolution,
            allow_copy=self.allow_copy,
        )


class TopicBlock(_TopicFields):
    """One `[[topics]]` block. What it says is judged together with the defaults."""

    match: str

    @field_validator("match")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as exc:
            raise ValueError(f"not a regular expression: {exc}") from exc
        return value

    @model_validator(mode="after")
    def _table_has_groups(self) -> Self:
        try:
            re.sub(f"(?:{self.match})|", self.table or "", "")
        except (re.error, IndexError) as exc:
            raise ValueError(f"table {self.table!r} does not fit match {self.match!r}: {exc}") from exc
        return self

    def over(self, defaults: TopicSettings, topic: str = "") -> TopicSettings:
        r"""The settings of a topic that this block is for; `table` may use groups of `match`, as `\1`."""
        said = self.model_dump(exclude_unset=True, exclude={"match"})
        found = re.fullmatch(self.match, topic)
        if found and self.table is not None:
            said["table"] = found.expand(self.table)
        return TopicSettings(**(defaults.model_dump() | said))
