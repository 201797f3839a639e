"""`rtpipe produce`, the parent's side: checks the order, shares it among processes, adds up what they tell."""

from __future__ import annotations

import contextlib
import difflib
import logging
import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from confluent_kafka import KafkaException, Producer

from avro_schemas.avro.type_reader import read_record
from avro_schemas.registry.client import Registry
from avro_schemas.registry.subject_names import USUAL
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import SchemaError, SettingsError, UnreachableError
from rtpipe.kafka.broker_errors import BrokerErrors
from rtpipe.kafka.clients import checked_properties
from rtpipe.kafka.error_codes import DENIED, error_of
from rtpipe.pause import PausePolicy
from workers.contract.errors import SetupError
from workers.produce.crew import Crew, signals_counted
from workers.produce.nested_samples import Draws
from workers.produce.order import LANES, ProcessOrder, ProduceOrder, ProduceProgress, ProduceResult, TopicPlan
from workers.produce.properties import kafka_properties
from workers.produce.samples import sample_of
from workers.produce.topic_ends import TopicEnds, last_offsets

log = logging.getLogger("rtpipe.produce")
#: A broker may not know yet of a topic that was made a moment ago.
_NEW_TOPIC_SECONDS = 2.0
_NEW_TOPIC_PAUSES = PausePolicy.steady(0.1)


def produce(order: ProduceOrder, *, progress: Callable[[ProduceProgress], None] | None = None) -> ProduceResult:
    """Send what the order says and wait for every acknowledgement.

    In a main thread SIGINT and SIGTERM stop it cleanly: what is under way is flushed, `stopped` is set in the
    result; a second signal raises ForcedStopError. Messages that Kafka did not take are counted in the result
    (`raise_for_failures`). Raises before anything is sent: SetupError for an unknown topic, SettingsError for an
    unknown key field, SchemaError for a field without sample values, UnreachableError for a broker or registry that
    does not answer.
    """
    plans = plan_topics(order)
    shares = share_out(order, plans)
    total = None if order.count is None or order.duration is not None else order.count * len(plans)
    ends = TopicEnds(order.kafka, order.kafka_file, order.topics, order.connect_timeout)
    before = ends.read()
    with signals_counted() as signals, Crew(shares) as crew:
        crew.begin(signals)
        result = crew.finish(signals, total, progress or (lambda _: None))
        return replace(result, last_offsets=last_offsets(before, ends.read()))


def plan_topics(order: ProduceOrder) -> dict[str, TopicPlan]:
    """Each topic with its schema (registered), key field and lanes; everything that can be wrong is found here."""
    _check_topics(order)
    plans = {}
    with contextlib.closing(Registry(order.registry_url, order.registry_config)) as registry:
        for topic in order.topics:
            given = next((schema for schema in order.schemas if schema["name"] == topic), None)
            subject = order.subjects.get(topic, USUAL).of_value(topic, given)
            if subject is None:
                raise SchemaError(
                    f"topic {topic}: its subject has the name of the record, so a schema must be given",
                    hint="name a file that has it: --schemas",
                )
            schema_id, schema = (registry.register(subject, given), given) if given else registry.latest(subject)
            plans[topic] = _plan(topic, schema, schema_id, order.key)
    return plans


def share_out(order: ProduceOrder, plans: Mapping[str, TopicPlan]) -> list[ProcessOrder]:
    """One order for each process: a lane goes to one process, each process gets its part of the rate."""
    lanes = [
        (topic, lane)
        for topic, plan in plans.items()
        for lane in range(plan.lanes)
        if order.count is None or lane < order.count
    ]
    processes = min(order.threads, len(lanes))
    kafka = kafka_properties(order)
    shares = []
    for number in range(processes):
        mine = tuple(lanes[number::processes])
        shares.append(
            ProcessOrder(
                kafka=kafka,
                kafka_file=order.kafka_file,
                topics={topic: plans[topic] for topic, _ in mine},
                lanes=mine,
                count=order.count,
                duration=order.duration,
                rate=None if order.rate is None else order.rate * len(mine) / len(lanes),
                first=(number + 1) / processes,
                seed=order.seed,
                flush_timeout=order.flush_timeout,
            )
        )
    return shares


def _plan(topic: str, schema: Mapping[str, Any], schema_id: int, key: str | None) -> TopicPlan:
    record = read_record(schema)
    fields = {field["name"]: found for field, found in record.fields}
    draws = Draws(record.records, random.Random(), time.time_ns)
    for name, found in fields.items():
        draws.of(found, name)()  # SchemaError for one without an end
    plain = [name for name, found in fields.items() if not found.nested]
    if not plain:
        raise SchemaError(
            f"the schema of topic {topic} has no field for the key", hint="give it at least one that has no parts"
        )
    key_field = plain[0] if key is None else key
    if key_field not in plain:
        why = "has no such field" if key_field not in fields else "has parts there, which make no key"
        raise SettingsError(
            f"--key {key_field}: the schema of topic {topic} {why}", hint=f"fields for a key: {', '.join(plain)}"
        )
    keys = sample_of(fields[key_field], field=key_field)
    return TopicPlan(topic, schema, schema_id, key_field, lanes=math.gcd(keys.size, LANES))


def _check_topics(order: ProduceOrder) -> None:
    """The broker answers and has the topics. (Asked for by name, a broker might create them.)"""
    errors = BrokerErrors()
    with checked_properties():
        client = Producer({**kafka_properties(order), "error_cb": errors}, logger=log)
    try:
        known = client.list_topics(timeout=order.connect_timeout).topics
        given_up = time.monotonic() + _NEW_TOPIC_SECONDS
        while not known.keys() >= set(order.topics) and time.monotonic() < given_up:
            time.sleep(_NEW_TOPIC_PAUSES.seconds())
            known = client.list_topics(timeout=order.connect_timeout).topics
    except KafkaException as exc:
        address = order.kafka["bootstrap.servers"]
        if error_of(exc).code() in DENIED:
            raise AccessDeniedError(
                f"Kafka at {address}: {error_of(exc).str()}", hint="check the account's WRITE and DESCRIBE permissions"
            ) from exc
        client.poll(0)  # hands over why
        otherwise = UnreachableError(
            f"Kafka at {address} does not answer: {exc.args[0].str()}", hint="is it running? `rtpipe infra status`"
        )
        raise errors.cause(order.kafka, otherwise) from exc
    for topic in order.topics:
        if topic not in known:
            close = difflib.get_close_matches(topic, known, n=1)
            raise SetupError(
                f"topic {topic} does not exist", hint=f"did you mean {close[0]}?" if close else "`rtpipe infra create`"
            )
