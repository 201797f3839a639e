"""What makes a table one that no row can be written to, whatever rtpipe may alter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from avro_schemas.columns.found_table import FoundTable
from avro_schemas.columns.type_text import type_words
from avro_schemas.tables.layout import TableLayout
from avro_schemas.tables.metadata_columns import METADATA_TYPES, holds_metadata
from rtpipe.errors import ExitCode, RtpipeError


class TableUnfitError(RtpipeError):
    """The table or the settings do not fit the topic."""

    name = "E_CONFIG"
    exit_code = ExitCode.BAD_SETUP


def require_upsert_key(name: str, primary: Sequence[str], unique: Sequence[str], key: Sequence[str]) -> None:
    """Refuse a table whose rows cannot be updated by `key`: its primary key is another, or an update would fire on one
    more unique index.
    """
    if {column.lower() for column in primary} != {column.lower() for column in key}:
        raise TableUnfitError(
            f"table {name} has the primary key ({', '.join(primary)}), the topic's settings say ({', '.join(key)})",
            hint="make them the same; rtpipe changes no primary key",
        )
    if unique:
        raise TableUnfitError(
            f"table {name} has another unique index ({', '.join(unique)}), and an upsert would fire on it, too",
            hint="drop it, or make it an index that is not unique",
        )


def require_metadata_types(name: str, table: FoundTable, used: Iterable[str]) -> None:
    """Refuse metadata columns of a type that may change what goes in: no value of theirs is looked at."""
    for column in sorted(set(used) & table.columns.keys()):
        found, wanted = table.columns[column], type_words(METADATA_TYPES[column]())
        if not holds_metadata(found, column):
            raise TableUnfitError(
                f"table {name} has a column {column} {found.type}, which may change what rtpipe writes: {wanted}",
                hint=f"ALTER TABLE `{name}` MODIFY `{column}` {wanted}",
            )


def require_known_losses(lossy: Sequence[str], table: FoundTable, layouts: Sequence[TableLayout]) -> None:
    """Refuse names in `lossy` that are neither fields nor columns: a slip would leave a column as strict as it was."""
    known = {name for layout in layouts for one in layout.columns for name in (one.field, one.name)}
    if strange := sorted(set(lossy) - known - table.columns.keys()):
        raise TableUnfitError(
            f"`lossy` names {', '.join(strange)}: neither a field of the schema nor a column of the table",
            hint=f"the table's columns are {', '.join(table.columns)}",
        )
