"""What tests of secure links have in common: a topic, its rows, a refused command, and where no secret may be."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import psutil

from tests.support.stack.secure_stack import Client, SecureStack, Supervising
from tests.support.waits import eventually

if TYPE_CHECKING:
    from pathlib import Path

KEY = {"name": "key", "type": {"type": "string", "maxLength": 64}}
NUMBER = {"name": "n", "type": "long"}


def schema(*more: str) -> dict[str, Any]:
    """With further fields that may be missing: each makes another schema id."""
    fields = [{"name": name, "type": ["null", "long"], "default": None} for name in more]
    return {"type": "record", "name": "order", "fields": [KEY, NUMBER, *fields]}


def made_topic(stack: SecureStack, folder: Path, of: str) -> str:
    """A topic with subject, table and grants; `of` tells it from others."""
    name = f"t{abs(hash(of)) % 10**9}"
    made_in = folder / "made"
    made_in.mkdir()
    file = made_in / "order.avsc"
    file.write_text(json.dumps(schema()))
    client = Client(stack, made_in)
    made = client.run("infra", "create", "--schemas", str(file), "--topic", name, "--partitions", "2")
    assert made.returncode == 0, made.stderr
    return name


def records(first: int, count: int) -> list[dict[str, Any]]:
    return [{"key": str(n), "n": n} for n in range(first, first + count)]


def in_table(stack: SecureStack, topic: str, count: int) -> None:
    """Wait until the table has so many rows, none of them twice."""

    def there() -> bool:
        return stack.query(f"SELECT COUNT(*), COUNT(DISTINCT n) FROM bank.`{topic}`") == [(count, count)]

    eventually(there, within=90, what=f"{count} rows")


def refused(client: Client, command: tuple[str, ...], code: int, *words: str) -> None:
    """The command ends so, and one line of it says all of this."""
    done = client.run(*command)
    assert done.returncode == code, (command, done.returncode, done.stderr)
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error E_")]
    assert [word for word in words if word not in line] == [], line
    assert "what to do" in done.stderr
    assert "Traceback" not in done.stderr


def no_secret_anywhere(client: Client, run: Supervising, topic: str, secrets: list[str]) -> None:
    """Not in arguments, environments of workers, the log, the status, or the bundle."""
    said = [run.log.read_text()]
    for command in (("status", "--json"), ("status",), ("config", "show"), ("doctor", "--topics", topic)):
        done = client.run(*command)
        said += [done.stdout, done.stderr]
    bundle = client.directory / "bundle.tar.gz"
    done = client.run("support-bundle", "--output", str(bundle))
    assert done.returncode in {0, 3}, done.stderr
    said += [done.stdout, *(file.read_bytes().decode("latin-1") for file in files_of(bundle))]
    said += [" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]
    workers = psutil.Process(run.process.pid).children(recursive=True)
    assert workers
    said += [json.dumps(one.environ()) for one in workers]
    for text in said:
        assert [secret for secret in secrets if secret in text] == []


def files_of(bundle: Path) -> list[Path]:
    """Of a packed bundle what is inside."""
    into = bundle.parent / "unpacked"
    shutil.unpack_archive(str(bundle), into, "gztar")
    found = [one for one in into.rglob("*") if one.is_file()]
    assert found
    return found
