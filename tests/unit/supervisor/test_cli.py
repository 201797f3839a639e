"""The command line without any service: help worth reading, and errors that say what to do.

In this process, which has all modules already; what needs a process of its own is in integration/commands/test_cli.py.
"""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from supervisor.commands.parts.lazy_commands import COMMANDS, GROUPS
from supervisor.commands.parts.options import seconds
from tests.support.command_answers import CANARY, Command, refused
from tests.support.command_tree import command_tree

TYPES_FILE = '[{"name": "d1", "fields": {"a": %s}}]'


def commands(group: Any, *path: str) -> list[tuple[str, ...]]:
    """Every command and group, by its words."""
    found = [path]
    for name, command in group.commands.items():
        found += commands(command, *path, name) if hasattr(command, "commands") else [(*path, name)]
    return found


ROOT = command_tree()


def test_the_file_of_a_command_is_found_by_its_words() -> None:
    """`rtpipe dead-letters retry` is commands/dead_letters/retry.py."""
    for words in commands(ROOT):
        command = ROOT
        for word in words:
            command = command.commands[word]
        if words and not hasattr(command, "commands"):
            path = ".".join(words).replace("-", "_")
            assert command.callback.__module__ == f"supervisor.commands.{path}"


@pytest.mark.parametrize("words", commands(ROOT), ids=lambda words: " ".join(words) or "rtpipe")
def test_help(rtpipe: Command, words: tuple[str, ...]) -> None:
    answer = rtpipe(*words, "--help")
    assert answer.returncode == 0
    assert answer.stderr == ""
    assert f"Usage: {' '.join(('rtpipe', *words))}" in answer.stdout
    assert "\x1b" not in answer.stdout
    assert max(map(len, answer.stdout.splitlines())) <= 100
    group = ROOT
    for word in words:
        group = group.commands[word]
    if not hasattr(group, "commands"):
        examples = re.findall(r"^  Examples?:\n((?:    rtpipe \S.*\n)+)", answer.stdout, re.MULTILINE)
        assert [line.strip() for text in examples for line in text.splitlines()] == examples_of(group), "no example"


def examples_of(command: Any) -> list[str]:
    """As they are in the docstring."""
    return [
        line.strip() for line in (inspect.getdoc(command.callback) or "").splitlines() if line.startswith("  rtpipe ")
    ]


def test_the_short_helps_in_the_table_are_those_of_the_commands() -> None:
    for name, text in COMMANDS.items():
        assert " ".join(ROOT.commands[name].help.partition("\n\n")[0].split()) == text
    assert {name for name, command in ROOT.commands.items() if hasattr(command, "commands")} == GROUPS.keys()


def test_short_helps_are_never_cut_short(rtpipe: Command) -> None:
    for words in ((), *((name,) for name in GROUPS)):
        said = rtpipe(*words, "--help").stdout
        assert "..." not in said.partition("\nCommands:\n")[2], said


#: Each takes as long to load as the help may take in all: commands, what draws tables, and what reads our version.
NOT_FOR_HELP = ("supervisor.commands.supervise", "supervisor.commands.infra.up", "rich", "importlib.metadata")


def test_the_help_loads_no_command() -> None:
    code = (
        "import atexit, sys; from supervisor.cli import main;"
        f"atexit.register(lambda: print(*({set(NOT_FOR_HELP)!r} & sys.modules.keys()), file=sys.stderr)); main()"
    )
    told = subprocess.run([sys.executable, "-c", code, "--help"], check=True, capture_output=True, text=True)
    assert told.stderr.split() == []
    assert "supervise" in told.stdout


# -- settings --------------------------------------------------------------------------------------------------------

SECRET_URL = f"mysql+pymysql://u:{CANARY}@h:3306/bank"


@pytest.mark.parametrize(
    ("environment", "toml", "said"),
    [
        ({}, "", "RTPIPE_BOOTSTRAP_SERVERS"),
        ({"RTPIPE_DATABASE_URL": f"postgres://u:{CANARY}@h/db"}, "", "takes mysql+pymysql://"),
        ({"RTPIPE_DATABASE_URL": f"mysql+pymysql://u:p@h:{CANARY}/db"}, "", "takes mysql+pymysql://"),
        ({"RTPIPE_DATABASE_URL": CANARY}, "", "takes mysql+pymysql://"),
        ({"RTPIPE_DATABASE_URL": f"mysql+pymysql://u:p@{CANARY}@h:1/db"}, "", "in the password @ must be written %40"),
        (
            {"RTPIPE_DATABASE_URL": f"mysql+pymysql://u:p@{CANARY}:s@h:1/db"},
            "",
            "in the password @ must be written %40",
        ),
        (
            {"RTPIPE_INFRA_DATABASE_URL": f"mysql://u:@/{CANARY}@h/db"},
            "",
            "password @ must be written %40 and / must be",
        ),
        ({"RTPIPE_ADMIN_DATABASE_URL": f"mysql://u/v:{CANARY}@h/"}, "", "in the user name / must be written %2F"),
        ({"RTPIPE_SCHEMA_REGISTRY_URL": f"http://u:p@{CANARY}@h:1"}, "", "in the password @ must be written %40"),
        ({"RTPIPE_SCHEMA_REGISTRY_URL": f"http://u:{CANARY}/s@h:1"}, "", "in the password / must be written %2F"),
        ({"RTPIPE_SCHEMA_REGISTRY_URL": f"http://g:8081,http://u:{CANARY}#s@h:1"}, "", "# must be written %23"),
        ({"RTPIPE_SCHEMA_REGISTRY_URL": f"http://u:?{CANARY}@h:1"}, "", "in the password ? must be written %3F"),
        ({"RTPIPE_DATABASE_URL_FILE": "nowhere"}, "", "No such file"),
        ({"RTPIPE_BOOTSTRAP_SERVERS": "http://h:1"}, "", "takes host:port"),
        ({"RTPIPE_SCHEMA_REGISTRY_URL": f"ftp://u:{CANARY}@h"}, "", "http:// or https://"),
        ({"RTPIPE_DRAIN_SECONDS": "soon"}, "", "drain_seconds"),
        ({"RTPIPE_LOG_LEVEL": "LOUD"}, "", "log_level"),
        ({"RTPIPE_KAFKA": CANARY}, "", "RTPIPE_KAFKA: takes JSON"),
        ({"RTPIPE_TOPICS": "orders"}, "", "RTPIPE_TOPICS: takes JSON"),
        ({"RTPIPE_CONFIG": "nowhere.toml"}, "", "nowhere.toml"),
        ({}, f'database_url = "{SECRET_URL}', "not valid TOML"),
        ({}, f'databse_url = "{SECRET_URL}"', "did you mean database_url?"),
        ({}, "[defaults]\nbatch_row = 5", "did you mean batch_rows?"),
        ({}, "[defaults]\nbatch_rows = 0", "greater than or equal to 1"),
        ({}, '[[topics]]\nmatch = "("', "not a regular expression"),
        ({}, '[[topics]]\ntable = "t"', "match"),
        ({}, "[defaults]\non_error = 'hope'", "stop"),
        ({}, '[defaults]\nmetadata_columns = ["_kafka_offset"]', "go together"),
    ],
)
def test_settings(rtpipe: Command, tmp_path: Path, environment: dict[str, str], toml: str, said: str) -> None:
    (tmp_path / "rtpipe.toml").write_text(toml)
    refused(rtpipe("supervise", "-t", "a,b", **environment), 2, "E_SETTINGS", said)


def test_what_the_command_line_gets_wrong(rtpipe: Command) -> None:
    for arguments, said in (
        (("supervise", "--nosuch"), "--nosuch"),
        (("supervise",), "--topics"),
        (("nosuch",), "nosuch"),
        (("produce", "-t", "a", "--count", "many"), "--count"),
    ):
        answer = rtpipe(*arguments)
        assert answer.returncode == 2
        assert said in answer.stderr
        assert answer.stdout == ""
        assert "Traceback" not in answer.stderr
        assert "\x1b" not in answer.stderr
    refused(rtpipe("supervise", "-t", " , "), 2, "E_SETTINGS", "no topic given")
    refused(rtpipe("supervise", "-t", "a,b", "-t", "a"), 2, "E_SETTINGS", "topic named twice: a")


# -- schema files ----------------------------------------------------------------------------------------------------

#: Nobody listens there: a bad file is refused before anybody is asked.
ADDRESSES = {
    "RTPIPE_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "RTPIPE_SCHEMA_REGISTRY_URL": "http://127.0.0.1:1",
    "RTPIPE_DATABASE_URL": "mysql+pymysql://u:p@127.0.0.1:1/bank",
}


def test_the_sample_is_for_the_embedded_stack_alone(rtpipe: Command, tmp_path: Path) -> None:
    (tmp_path / "avro_schemas").mkdir()
    (tmp_path / "avro_schemas" / "schema_before.json").write_text("[]")
    for more in ((), ("--dry-run",)):
        refused(rtpipe("infra", "create", *more, **ADDRESSES), 2, "E_SETTINGS", "no schema file given", "rtpipe setup")


BAD_FILES = {
    "not JSON": ("[{", "line 1"),
    "no array": ('{"name": "d1"}', "array"),
    "empty": ("[]", "array"),
    "no name": ('[{"fields": {"a": "int"}}]', "name is missing"),
    "no fields": ('[{"name": "d1"}]', "`fields` is missing"),
    "unknown type": (TYPES_FILE % '"strin"', "did you mean 'string'"),
    "no type word": (TYPES_FILE % "7", "a number"),
    "too long": (TYPES_FILE % '"string(0)"', "from 1 to"),
    "twice": ('[{"name": "d1", "fields": {"a": "int"}}, {"name": "d1", "fields": {"a": "int"}}]', "there twice"),
    "field twice": ('[{"name": "d1", "fields": {"a": "int", "a": "int"}}]', "there twice"),
    "bad table name": ('[{"name": "a b", "fields": {"a": "int"}}]', "cannot be a name"),
    "our own table": ('[{"name": "kafka_offsets", "fields": {"a": "int"}}]', "rtpipe's own"),
}


@pytest.mark.parametrize(("text", "said"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_schema_files(rtpipe: Command, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "mine.json"
    file.write_text(text)
    refused(rtpipe("schema", "check", str(file), "--json"), 5, "E_SCHEMA", str(file), said)
    refused(rtpipe("schema", "convert", str(file)), 5, "E_SCHEMA", said)
    refused(rtpipe("infra", "create", "--schemas", str(file), "--json", **ADDRESSES), 5, "E_SCHEMA", said)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize("text", ['{"type": "record", "name": "d1", "fields": {}}', '[{"type": "enum", "name": "d1"}]'])
def test_bad_avro_files(rtpipe: Command, tmp_path: Path, text: str) -> None:
    file = tmp_path / "d1.avsc"
    file.write_text(text)
    refused(rtpipe("schema", "check", str(file)), 5, "E_SCHEMA")


def test_a_folder_of_schemas_with_definitions_for_the_others(rtpipe: Command, tmp_path: Path) -> None:
    for folder in ("core", "app"):
        (tmp_path / folder).mkdir()
    address = {"type": "object", "properties": {"city": {"type": "string"}}}
    (tmp_path / "core" / "types.json").write_text(json.dumps({"definitions": {"Address": address}}))
    order = {"title": "Order", "properties": {"to": {"$ref": "../core/types.json#/definitions/Address"}}}
    (tmp_path / "app" / "order.json").write_text(json.dumps(order))
    both = rtpipe("schema", "check", str(tmp_path), "--json")
    assert both.returncode == 0, both.stderr
    assert [one["table"] for one in json.loads(both.stdout)["tables"]] == ["Order"]
    assert "types.json: it only defines types (definitions/Address)" in both.stderr
    refused(
        rtpipe("schema", "check", str(tmp_path / "core" / "types.json")), 5, "E_SCHEMA", "only defines types", "$ref"
    )
    refused(rtpipe("schema", "check", str(tmp_path / "app" / "order.json")), 5, "E_SCHEMA", "--root")
    assert rtpipe("schema", "convert", str(tmp_path / "app" / "order.json"), "--root", str(tmp_path)).returncode == 0


def test_one_avro_schema_alone(rtpipe: Command, tmp_path: Path) -> None:
    (tmp_path / "d1.avsc").write_text(
        '{"type": "record", "name": "d1", "fields": [{"name": "at", "type": {"type": "int", "logicalType": "date"}}]}'
    )
    answer = rtpipe("schema", "check", "d1.avsc")
    assert answer.returncode == 0, answer.stderr
    assert "`at` DATE NOT NULL" in answer.stdout


def test_every_file_has_its_verdict(rtpipe: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.avsc").write_text('{"type": "record", "name": "r", "fields": [{"name": "a", "type": "b"}]}')
    (tmp_path / "rows.json").write_text('[{"a": 1}]')
    (tmp_path / "good.avsc").write_text('{"type": "record", "name": "d2", "fields": [{"name": "a", "type": "E"}]}')
    (tmp_path / "e.avsc").write_text('{"type": "enum", "name": "E", "symbols": ["A"]}')
    files = ("bad.avsc", "good.avsc", "rows.json", "e.avsc")
    answer = rtpipe("schema", "check", *files)
    assert answer.returncode == 5
    assert "error E_SCHEMA  bad.avsc: field 'a': unknown type 'b'" in answer.stderr
    assert "error E_SCHEMA  rows.json: no schema file: it is JSON rows" in answer.stderr
    assert answer.stderr.count("  what to do  ") == 2
    assert re.findall("^-- .*", answer.stdout, re.MULTILINE) == ["-- good.avsc", "-- e.avsc"]
    assert "EXISTS `d2`" in answer.stdout

    answer = rtpipe("schema", "check", *files, "nowhere.avsc", "--json")
    assert answer.returncode == 2
    told = json.loads(answer.stdout)
    assert [(one["file"], one["table"]) for one in told["tables"]] == [("good.avsc", "d2"), ("e.avsc", "E")]
    assert [(one["file"], one["error"]) for one in told["refused"]] == [
        ("bad.avsc", "E_SCHEMA"),
        ("rows.json", "E_SCHEMA"),
        ("nowhere.avsc", "E_SETTINGS"),
    ]


def test_two_files_whose_records_give_one_table(rtpipe: Command, tmp_path: Path) -> None:
    for folder, fields in {"a": '{"name": "x", "type": "int"}', "b": "", "copy": ""}.items():
        space = "a" if folder == "a" else "b"
        (tmp_path / folder).mkdir()
        text = f'{{"type": "record", "name": "User", "namespace": "{space}", "fields": [{fields}]}}'
        (tmp_path / folder / "User.avsc").write_text(text)
    answer = rtpipe("schema", "check", "a/User.avsc", "b/User.avsc", "--json")
    refused(
        answer, 5, "E_SCHEMA", "b/User.avsc: record b.User: its table 'User' is that of record a.User in a/User.avsc"
    )
    assert "--topic" in answer.stderr
    assert [one["file"] for one in json.loads(answer.stdout)["tables"]] == ["a/User.avsc"]
    answer = rtpipe("schema", "check", "b/User.avsc", "copy/User.avsc")  # one schema, there twice
    assert answer.returncode == 0, answer.stderr


def test_the_topic_of_one_schema(rtpipe: Command, tmp_path: Path) -> None:
    (tmp_path / "a.avsc").write_text('{"type": "record", "name": "kafka_offsets", "fields": []}')
    refused(rtpipe("schema", "check", "a.avsc"), 5, "E_SCHEMA", "a.avsc: ", "rtpipe's own", "--topic")
    answer = rtpipe("schema", "check", "a.avsc", "--topic", "a.b")
    assert "EXISTS `a.b`" in answer.stdout
    assert "warning: a.avsc: the record has no field" in answer.stderr
    refused(rtpipe("schema", "check", "a.avsc", "--topic", "a b"), 5, "E_SCHEMA", "topic 'a b'")
    (tmp_path / "b.avsc").write_text('"string"')
    refused(rtpipe("schema", "check", "a.avsc", "b.avsc", "--topic", "c"), 2, "E_SETTINGS", "names one topic")


def test_json_schema_is_converted(rtpipe: Command, tmp_path: Path) -> None:
    document = {
        "type": "object",
        "properties": {"at": {"type": "string", "format": "date", "not": {}}},
        "required": ["at"],
    }
    (tmp_path / "order.json").write_text(json.dumps(document))
    assert "`at` MEDIUMTEXT" in rtpipe("schema", "check", "order.json").stdout
    answer = rtpipe("schema", "check", "order.json", "--logical")
    assert "`at` DATE NOT NULL" in answer.stdout
    assert "warning: order.json: field 'at': `not` is only kept in the doc" in answer.stderr
    answer = rtpipe("schema", "convert", "order.json", "--logical")
    assert json.loads(answer.stdout)["fields"][0]["type"] == {"type": "int", "logicalType": "date"}
    (tmp_path / "order.avsc").write_text(answer.stdout)
    assert "`at` DATE NOT NULL" in rtpipe("schema", "check", "order.avsc").stdout


def test_several_schemas_are_printed_as_an_array_that_is_read_again(rtpipe: Command, tmp_path: Path) -> None:
    inner = {"type": "record", "name": "A", "fields": []}
    outer = [{"type": "record", "name": name, "fields": [{"name": "a", "type": "A"}]} for name in ("B", "C")]
    (tmp_path / "all.json").write_text(json.dumps([*outer, inner]))
    answer = rtpipe("schema", "convert", "all.json")
    assert [one["name"] for one in json.loads(answer.stdout)] == ["B", "C", "A"]
    (tmp_path / "again.json").write_text(answer.stdout)
    again = rtpipe("schema", "check", "again.json").stdout
    assert again == rtpipe("schema", "check", "all.json").stdout.replace("all.json", "again.json")


def test_a_schema_file_that_is_not_there(rtpipe: Command) -> None:
    refused(rtpipe("schema", "check", "nowhere.json"), 2, "E_SETTINGS", "nowhere.json: No such file")


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("1.5s", 1.5), ("10m", 600), ("8h", 28_800), ("7d", 604_800)])
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "0", "-1", "1w", "soon", "1h30"])
def test_no_durations(rtpipe: Command, text: str) -> None:
    answer = rtpipe("chaos", "--duration", text)
    assert answer.returncode == 2
    assert "is no duration such as" in answer.stderr
