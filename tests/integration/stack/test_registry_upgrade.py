"""Schemas of a stack that an earlier version of rtpipe made keep their ids in this one's registry."""

from __future__ import annotations

import contextlib
import io
import lzma
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from avro_schemas.registry.client import Registry
from infra.stack.artifacts.cache import cache_directory, ensure_artifacts
from infra.stack.layout import StackOptions, new_layout
from infra.stack.services import control as service_control
from infra.stack.services import start as service_start
from infra.stack.services.registry import registry_service
from rtpipe.errors import SchemaError
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.stack.services.service import Service

pytestmark = pytest.mark.usefixtures("stack")  # which skips where no embedded stack can run
DATA = Path(__file__).with_name("registry-3.0.9.mv.db.xz")  #: what Apicurio 3.0.9 left; ids in the order of SCHEMAS


def record(name: str, *fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": name, "namespace": "com.exam", "fields": list(fields)}


A = {"name": "a", "type": "int"}
PLAIN = record("plain", A)
PLAIN_2 = record("plain", A, {"name": "b", "type": ["null", "string"], "default": None})
INNER = record("Inner", {"name": "street", "type": "string"})
#: Id, subject and schema of each; id 1 is registered under a second subject, id 7 under one that was deleted.
SCHEMAS = [
    (1, "plain-value", PLAIN),
    (2, "plain-value", PLAIN_2),
    (1, "same-value", PLAIN),
    (4, "text-key", "string"),
    (5, "inner-value", INNER),
]


@pytest.fixture
def upgraded(tmp_path: Path) -> Iterator[Service]:
    """A registry on that data, not yet started."""
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry" / "schemas.mv.db").write_bytes(lzma.decompress(DATA.read_bytes()))
    console = Console(file=io.StringIO())
    program = ensure_artifacts(cache_directory(), console).registry
    service = registry_service(new_layout(tmp_path, StackOptions()), program)
    yield service
    service_control.stop(service_control.find([service]).values(), grace=20)


@contextlib.contextmanager
def started(service: Service) -> Iterator[Registry]:
    running = service_start.start(service, lambda _state: None)
    service_start.await_ready(service, running, threading.Event())
    with closing(Registry(f"http://127.0.0.1:{service.port}/apis/ccompat/v7")) as registry:
        yield registry
    assert service_control.stop([running], grace=20) == []


def check_kept(registry: Registry) -> None:
    for schema_id, subject, schema in SCHEMAS:
        assert registry.schema_by_id(schema_id) == schema
        assert registry.find(subject, schema) == schema_id
        assert registry.register(subject, schema) == schema_id, "known by its content, too"
    assert registry.versions("plain-value") == [(1, PLAIN), (2, PLAIN_2)]
    inner = {name: part for name, part in INNER.items() if name != "namespace"}  # that of the record around it
    assert registry.latest("outer-value") == (6, record("Outer", {"name": "home", "type": inner}))
    assert registry.subjects_of(1) == ["plain-value", "same-value"]
    assert registry.newest("gone-value") is None
    assert registry.schema_by_id(7)["name"] == "gone", "its messages may still be in a topic"
    with pytest.raises(SchemaError, match="incompatible"):  # the subject's own rule is kept
        registry.register("plain-value", record("plain", {"name": "c", "type": "long"}))


def test_schemas_of_an_earlier_registry_keep_their_ids(upgraded: Service) -> None:
    with started(upgraded) as registry:
        check_kept(registry)
        new_id = registry.register("new-value", record("new", A))
        assert new_id > 7, "no id is given twice"
    with started(upgraded) as registry:
        check_kept(registry)
        assert registry.latest("new-value") == (new_id, record("new", A))


@pytest.mark.faults
@pytest.mark.parametrize("moment", ["Old database version detected", "Recomputing Avro", "Using the following"])
def test_an_upgrade_that_is_killed_goes_on(upgraded: Service, moment: str) -> None:
    running = service_start.start(upgraded, lambda _state: None)
    eventually(lambda: moment in upgraded.log.read_text(), within=60, what=f"the log says: {moment}")
    service_control.stop([running], grace=0)
    with started(upgraded) as registry:
        check_kept(registry)
