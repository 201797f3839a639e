"""A table as the server describes it; infra/tables/ddl.py asks for it, evolution.py and verify judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from avro_schemas.columns.type_text import OUR_COLLATION
from rtpipe.errors import ExitCode, RtpipeError

#: How deep arrays and objects may be: in MySQL's JSON, and in the JSON of every version of both servers.
MOST, LEAST = 100, 31
#: SQL that is 1 where the server takes MOST.
TAKES_MOST = f"JSON_VALID(CONCAT(REPEAT('[', {MOST}), REPEAT(']', {MOST})))"
#: What TABLE_TYPE says of a table that keeps rows. SYSTEM VERSIONED: MariaDB also keeps earlier versions of rows.
VERSIONED = "SYSTEM VERSIONED"
_TABLES = {"BASE TABLE", VERSIONED}


class UnusableTableError(RtpipeError):
    """The object with the table's name cannot take rows in a transaction."""

    name = "E_CONFIG"
    exit_code = ExitCode.BAD_SETUP


def require_usable(name: str, kind: str, engine: str | None) -> None:
    """UnusableTableError, which says what to do, for a TABLE_TYPE and an ENGINE without transactions."""
    if kind not in _TABLES:
        raise UnusableTableError(
            f"{name} is a {kind.lower()} and no table, and rtpipe writes rows into tables alone",
            hint="name the table that takes the rows: `table` in rtpipe.toml",
        )
    if str(engine).lower() != "innodb":
        raise UnusableTableError(
            f"table {name} has engine {engine}, which has no transactions", hint=f"ALTER TABLE {name} ENGINE=InnoDB"
        )


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column. Its type is in the form that both servers share: `int`, `varchar(64)`, `json`."""

    type: str
    nullable: bool
    charset: str | None = None
    collation: str | None = None
    default: str | None = None  #: as SQL writes it; None: there is none, or it is NULL
    extra: str = ""  #: auto_increment, generated, on update, in lower case
    comment: str = ""
    definition: str = ""  #: everything after its name in SHOW CREATE TABLE

    @property
    def fills_itself(self) -> bool:
        """Whether a row may leave out the column."""
        return self.nullable or self.default is not None or "auto_increment" in self.extra or self.generated

    @property
    def generated(self) -> bool:
        """Whether the server computes the column, so that nobody may write it."""
        return " generated" in f" {self.extra}".replace("default_generated", "")


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table that takes rows: its columns in order, its primary key, and an estimate of its rows."""

    columns: Mapping[str, FoundColumn] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    rows: int = 0
    collation: str = OUR_COLLATION  #: of columns that name none
    json_depth: int = MOST  #: most arrays and objects inside one another that JSON of this server has
    versioned: bool = False  #: MariaDB also keeps earlier versions of rows
    mariadb: bool = False  #: whose collations have other names
    prefixes: Mapping[str, int] = field(default_factory=dict)  #: key column -> how much of it the key compares
    unique: tuple[str, ...] = ()  #: other indexes that take nothing twice

    def name_of(self, column: str) -> str | None:
        """The name of this column as the table writes it, whatever the case of `name`; None if there is none."""
        if column in self.columns:
            return column
        return next((name for name in self.columns if name.lower() == column.lower()), None)

    def of_the_server(self, name: str) -> bool:
        """Whether the server itself made the column: MySQL's invisible primary key, MariaDB's times of a version."""
        column = self.columns[name]
        invisible_key = "auto_increment" in column.extra and "invisible" in column.extra
        return invisible_key or (self.versioned and column.generated and " AS ROW " in column.definition)
