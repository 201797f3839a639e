"""Error codes of Kafka: each meaning has one set, which every client of ours uses."""

from __future__ import annotations

import ast
import re

from confluent_kafka import KafkaError

from rtpipe.kafka import error_codes
from tests.support.pages import PROJECT

PACKAGES = ("rtpipe", "workers", "infra", "supervisor")
#: Codes that only one client can ever see, and why it tells them apart itself.
ALONE = {"TOPIC_ALREADY_EXISTS"}


def test_every_refusal_of_an_account_that_kafka_knows_means_denied() -> None:
    names = [name for name in dir(KafkaError) if re.search(r"AUTHENTICATION|AUTHORIZATION", name)]
    assert len(names) >= 7
    assert {getattr(KafkaError, name) for name in names} <= error_codes.DENIED


def test_no_module_but_the_table_names_a_code_of_kafka() -> None:
    """A set of codes beside the table would soon differ from it."""
    for path in (path for package in PACKAGES for path in (PROJECT / package).rglob("*.py")):
        if path.name != "error_codes.py":
            named = {
                node.attr
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "KafkaError"
                and node.attr.isupper()
            }
            assert named <= ALONE, path
