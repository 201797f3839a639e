"""compose.yaml: a valid Compose file, pinned and private, with the settings of the embedded stack.

No Docker engine runs where this is developed: what the images do with these settings is not tested here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from infra.provision.accounts import accounts_of, history_grant_sql, infra_grant_sql
from infra.stack.layout import StackLayout
from infra.stack.services import kafka as kafka_service
from infra.stack.services import mariadb as mariadb_service
from infra.stack.services.service import java_options
from tests.support.pages import PROJECT

COMPOSE = PROJECT / "compose.yaml"
BROKERS = ("kafka-1", "kafka-2", "kafka-3")
PORTS = {
    "kafka-1": 9091,
    "kafka-2": 9092,
    "kafka-3": 9093,
    "schema-registry": 8081,
    "mysql": 3306,
    "kafdrop": 9000,
    "prometheus": 9090,
    "grafana": 3000,
}
MONITORING = {"prometheus", "grafana"}
#: where a broker is and whom it talks to: not the same here and there
PLACE = {"node.id", "controller.quorum.voters", "listeners", "advertised.listeners", "log.dirs"}
EMBEDDED = StackLayout(
    Path("stack"),
    cluster_id="",
    kafka_ports=(9091, 9092, 9093),
    controller_ports=(1, 2, 3),
    registry_port=8081,
    database_port=3306,
)


@cache
def services() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(COMPOSE)["services"]
    return loaded


def test_it_fits_the_schema_of_the_compose_specification() -> None:
    command = shutil.which("check-jsonschema", path=str(Path(sys.executable).parent))
    assert command, "check-jsonschema is in requirements/dev.txt"
    result = subprocess.run(
        [command, "--builtin-schema", "vendor.compose-spec", COMPOSE], check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_services_are_the_documented_ones_on_the_documented_ports() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert published == {name: [f"127.0.0.1:{port}:{port}"] for name, port in PORTS.items()}


@pytest.mark.parametrize("name", PORTS)
def test_each_image_is_pinned_and_each_service_is_health_checked(name: str) -> None:
    service = services()[name]
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+", service["image"])
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} <= service["healthcheck"].keys()


def test_data_is_kept_in_named_volumes() -> None:
    volumes = set(YAML(typ="safe").load(COMPOSE)["volumes"])
    mounts = {name: service.get("volumes", [""])[0].partition(":")[0] for name, service in services().items()}
    assert {name: volume for name, volume in mounts.items() if volume and not volume.startswith("./")} == {
        volume: volume for volume in volumes
    }
    assert volumes == {*BROKERS, "mysql", *MONITORING}


def test_monitoring_is_there_on_request_and_its_files_are_ours() -> None:
    assert {name for name, service in services().items() if service.get("profiles") == ["monitoring"]} == MONITORING
    mounted = [volume for name in MONITORING for volume in services()[name]["volumes"] if volume.startswith("./")]
    assert len(mounted) == 5
    assert all((PROJECT / volume.split(":")[0]).is_file() and volume.endswith(":ro") for volume in mounted)


def test_the_accounts_come_from_the_file_of_the_embedded_stack() -> None:
    mounted = [volume.split(":")[0] for volume in services()["mysql"]["volumes"] if volume.startswith("./")]
    assert mounted == ["./infra/mysql/init.sql"]
    assert (PROJECT / mounted[0]).is_file()
    password = services()["mysql"]["environment"]["MYSQL_ROOT_PASSWORD"]
    assert f"root:{password.replace('!', '%21')}@" in EMBEDDED.addresses.admin_database_url


def test_infra_is_granted_there_what_provisioning_grants() -> None:
    file = (PROJECT / "infra" / "mysql" / "init.sql").read_text().splitlines()
    urls = EMBEDDED.addresses
    of = accounts_of(urls.database_url, urls.infra_database_url, urls.admin_database_url)
    granted = [infra_grant_sql(of, "'infra'@'%'"), history_grant_sql(of, "'infra'@'%'")]
    assert [line for line in file if line.startswith("GRANT")] == [f"{one.replace('`', '')};" for one in granted]


def test_kafka_is_the_version_of_the_embedded_stack() -> None:
    locked = tomllib.loads((PROJECT / "infra" / "stack" / "artifacts" / "stack.lock").read_text())["file"]
    [version] = [file["version"] for file in locked if file["artifact"] == "kafka_2.13"]
    assert {services()[name]["image"] for name in BROKERS} == {f"apache/kafka:{version}"}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_broker_is_set_up_like_an_embedded_one(number: int) -> None:
    environment = services()[f"kafka-{number}"]["environment"]
    here = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in environment.items()
        if name.startswith("KAFKA_") and not name.endswith("_OPTS")
    }
    embedded = kafka_service._properties(EMBEDDED, number, Path("data"))
    assert here["node.id"] == str(embedded["node.id"])
    assert {name: here.get(name) for name in embedded.keys() - PLACE} == {
        name: str(value) for name, value in embedded.items() if name not in PLACE
    }
    options = f"{environment['KAFKA_HEAP_OPTS']} {environment['KAFKA_JVM_PERFORMANCE_OPTS']}"
    assert set(kafka_service._AMONG_MANY) <= set(options.split())
    assert set(options.split()) <= {*kafka_service._AMONG_MANY, *java_options(Path("scratch"))}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_broker_is_reached_from_host_and_containers_under_its_own_names(number: int) -> None:
    service = services()[f"kafka-{number}"]
    port = PORTS[f"kafka-{number}"]
    advertised = f"PLAINTEXT://kafka-{number}:19092,HOST://localhost:{port}"
    assert service["environment"]["KAFKA_ADVERTISED_LISTENERS"] == advertised
    assert service["environment"]["KAFKA_LISTENERS"] == f"PLAINTEXT://:19092,CONTROLLER://:29092,HOST://:{port}"
    assert f"{number}@kafka-{number}:29092" in service["environment"]["KAFKA_CONTROLLER_QUORUM_VOTERS"]
    assert service["hostname"] == f"kafka-{number}"


def test_mysql_is_set_up_like_the_embedded_mariadb() -> None:
    embedded = mariadb_service.mariadb_service(EMBEDDED, Path("program")).command()
    for option in services()["mysql"]["command"]:
        assert option in embedded
