from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from infra.stack import ports
from infra.stack.errors import NotAStackError, PortInUseError, StackError
from infra.stack.layout import MARKER, StackOptions, changed_layout, load_layout, new_layout, save_layout

if TYPE_CHECKING:
    from pathlib import Path


def test_new_layout_has_different_ports(tmp_path: Path) -> None:
    layout = new_layout(tmp_path, StackOptions(brokers=3))
    used = [*layout.kafka_ports, *layout.controller_ports, layout.registry_port, layout.database_port]
    assert len(set(used)) == 8
    assert layout.brokers == 3
    assert len(layout.cluster_id) == 22


def test_wishes_are_met(tmp_path: Path) -> None:
    layout = new_layout(tmp_path, StackOptions(brokers=2, kafka_port=9092, registry_port=8081, database_port=3306))
    assert (layout.kafka_ports, layout.registry_port, layout.database_port) == ((9092, 9093), 8081, 3306)
    addresses = layout.addresses
    assert addresses.bootstrap_servers == "127.0.0.1:9092,127.0.0.1:9093"
    assert addresses.schema_registry_url == "http://127.0.0.1:8081/apis/ccompat/v7"
    assert addresses.database_url == "mysql+pymysql://consumer:consumer1%21@127.0.0.1:3306/bank"


def test_layout_is_kept(tmp_path: Path) -> None:
    assert load_layout(tmp_path / "absent") is None
    layout = new_layout(tmp_path, StackOptions())
    save_layout(layout)
    assert load_layout(tmp_path) == layout
    assert changed_layout(layout, StackOptions()) == layout
    moved = changed_layout(layout, StackOptions(kafka_port=19092))
    assert moved.kafka_ports == (19092,)
    assert moved.database_port == layout.database_port


def test_number_of_brokers_stays(tmp_path: Path) -> None:
    layout = new_layout(tmp_path, StackOptions(brokers=1))
    assert changed_layout(layout, StackOptions(brokers=1)) == layout
    with pytest.raises(StackError, match=r"made with 1 broker\(s\), not 3") as caught:
        changed_layout(layout, StackOptions(brokers=3))
    assert "--purge" in caught.value.hint


def test_foreign_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    assert load_layout(tmp_path) is None, "a lock alone is the trace of a killed `up`"
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(NotAStackError, match="holds files, but not an embedded stack"):
        load_layout(tmp_path)
    with pytest.raises(NotAStackError, match="is not a directory"):
        load_layout(tmp_path / "thesis.tex")


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_damaged_marker(tmp_path: Path, content: str) -> None:
    (tmp_path / MARKER).write_text(content)
    with pytest.raises(NotAStackError, match="is damaged"):
        load_layout(tmp_path)


def test_taken_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        with pytest.raises(PortInUseError, match=rf"port {port}, which kafka-1 is to use, .* process \d+ \(") as caught:
            ports.check_free(port, "kafka-1", "choose another")
        assert "or choose another." in caught.value.hint
    ports.check_free(port, "kafka-1", "choose another")


def test_taken_controller_port_is_replaced(tmp_path: Path) -> None:
    layout = new_layout(tmp_path, StackOptions())
    assert layout.with_free_controller_ports() == layout
    with socket.create_server(("127.0.0.1", layout.controller_ports[0])):
        moved = layout.with_free_controller_ports()
    assert moved.controller_ports != layout.controller_ports
    assert moved.kafka_ports == layout.kafka_ports
