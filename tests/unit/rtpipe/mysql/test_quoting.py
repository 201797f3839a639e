"""Quoting and escaping: one module for everybody, and what it writes is read back as it was."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.types import BigInteger

from avro_schemas.avro.field_types import FieldType
from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.columns.user_column import UserColumn
from avro_schemas.columns.user_limits import cannot_tell
from rtpipe.mysql.quoting import (
    binary_literal,
    hexadecimal,
    pattern,
    quoted,
    quoted_list,
    quoted_text,
    quoted_texts,
    unescaped,
    unquoted,
)
from tests.support.pages import PROJECT

AWKWARD = st.text(st.sampled_from("a'\\`\0\n\r\x1a%_\"é漢") | st.characters(codec="utf-8"))


@given(AWKWARD)
def test_a_quoted_name_ends_where_its_text_ends(name: str) -> None:
    text = quoted(name)
    assert (text[0], text[-1]) == ("`", "`")
    assert "`" not in text[1:-1].replace("``", "")
    assert unquoted(text[1:-1]) == name


@given(AWKWARD)
def test_a_literal_is_read_back_as_the_text(text: str) -> None:
    written = quoted_text(text)
    assert (written[0], written[-1]) == ("'", "'")
    assert not set(written[1:-1]) & set("\0\n\r\x1a")
    assert unescaped(written[1:-1]) == text


@given(st.lists(AWKWARD))
def test_many_literals_are_those_of_each(texts: list[str]) -> None:
    assert quoted_texts(texts) == [quoted_text(text) for text in texts]


@given(st.binary() | AWKWARD.map(str.encode))
def test_a_literal_of_bytes_is_read_back_as_the_bytes(data: bytes) -> None:
    written = binary_literal(data).decode("latin-1")
    assert unescaped(written.removeprefix("_binary'")[:-1]) == data.decode("latin-1")
    assert bytes.fromhex(hexadecimal(data)[2:-1]) == data


def test_what_the_server_reads() -> None:
    assert quoted("b`k", "t") == "`b``k`.`t`"
    assert quoted_list(["a", "b`"]) == "`a`, `b```"
    assert quoted_text("it's \\ \n\r\0\x1a") == "'it''s \\\\ \\n\\r\\0\\Z'"
    assert binary_literal(b"it's \\ \0\x1a\n") == b"_binary'it''s \\\\ \\0\\Z\n'"
    assert unescaped("\\t\\b\\%\\'") == "\t\b%'"
    assert pattern("my_%\\bank") == "my\\_\\%\\\\bank"


def test_advice_that_is_sql_quotes_names_that_have_a_backtick() -> None:
    shape = ColumnShape("c", ("c",), "c", FieldType("long"), BigInteger(), nullable=False, comment=None, records={})
    advice = cannot_tell(shape, "c`d", UserColumn("geometry", ""), "my`t")
    assert "ALTER TABLE `my``t` MODIFY `c``d`" in advice


@pytest.mark.parametrize("package", ["rtpipe", "avro_schemas", "workers", "infra", "supervisor"])
def test_nobody_else_doubles_a_quote_or_a_backslash(package: str) -> None:
    marks = {"`", "``", "'", "''", "\\", b"'", b"\\"}
    for path in (PROJECT / package).rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        replacing = [call for call in calls if ast.unparse(call.func).endswith(".replace") and call.args]
        removes = [call for call in replacing if ast.unparse(call.args[-1]) == "''"]  # of a text for people
        replaced = [call.args[0] for call in replacing if call not in removes]
        found = {word.value for word in replaced if isinstance(word, ast.Constant)} & marks
        assert not found or path.name == "quoting.py", path
