"""Error codes of Kafka and librdkafka, by what they mean: one table for every client of ours.

The names with an underscore are confluent_kafka's public spelling of librdkafka's own codes.
"""
# ruff: noqa: SLF001

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

#: The broker refuses the user name or the password. For a while it does so after a password was changed on one side.
LOGIN_REFUSED = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.ILLEGAL_SASL_STATE,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
    }
)
#: The account, or its password, may not do what was asked. A person must change something.
#: A TLS handshake that fails is not here: it also fails with a broker that is just going down (tls_probe.py tells).
DENIED = LOGIN_REFUSED | {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    KafkaError.DELEGATION_TOKEN_AUTHORIZATION_FAILED,
}
#: No broker can be reached, or none answers in time.
UNREACHABLE = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TRANSPORT,
        KafkaError._RESOLVE,
        KafkaError._SSL,
        KafkaError._TIMED_OUT,
    }
)
#: There is no such topic, or no such partition. It can be so for a moment while a broker restarts.
NO_TOPIC = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION})
#: The partition has no leader. The second is the client's answer where no partition that was asked for has one.
NO_LEADER = frozenset({KafkaError.LEADER_NOT_AVAILABLE, KafkaError._NOENT})
#: The partition's leader changes: there is none yet, or the broker that was asked is none any more, or not yet.
LEADER_CHANGES = NO_LEADER | {KafkaError.NOT_LEADER_FOR_PARTITION}
#: Offsets of a consumer group are taken from its members only, as long as it has some.
GROUP_HAS_MEMBERS = frozenset(
    {KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS}
)
#: The offset is not in the log: deleted by retention, or lost with the end of the log.
OFFSET_GONE = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError._LOG_TRUNCATION, KafkaError.OFFSET_OUT_OF_RANGE})
#: Not an error: the reader has reached the end of the partition.
END_OF_PARTITION = KafkaError._PARTITION_EOF
#: No broker answers: another event says which broker, and why.
ALL_BROKERS_DOWN = KafkaError._ALL_BROKERS_DOWN
#: What ends a member of a group: brokers do not have its protocol; another one with its instance id may be alive; or
#: has joined by it.
PROTOCOL_UNSUPPORTED, INSTANCE_NOT_FREE, INSTANCE_TAKEN = (
    KafkaError.UNSUPPORTED_VERSION,
    KafkaError.UNRELEASED_INSTANCE_ID,
    KafkaError.FENCED_INSTANCE_ID,
)
#: The client cannot go on: its text says why, in the words of another code.
FATAL = KafkaError._FATAL
#: A message whose checksum is wrong.
BAD_MESSAGE = KafkaError._BAD_MSG


def error_of(failure: KafkaException) -> KafkaError:
    """The error inside an exception of the client."""
    error: KafkaError = failure.args[0]
    return error
