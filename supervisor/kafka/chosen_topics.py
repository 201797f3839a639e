"""Which topics a command is for: those of its option, else those that the setting `serve` names; patterns ask Kafka."""

from __future__ import annotations

from collections.abc import Sequence

from rtpipe.credentials import AccessDeniedError, LoginRefusedError
from rtpipe.errors import UnreachableError
from supervisor.kafka.cluster_view import ClusterView
from supervisor.settings.settings import Settings
from supervisor.settings.topic_choice import TopicChoice, choice_of
from workers.contract.errors import SetupError


def chosen_topics(settings: Settings, given: Sequence[str] | None) -> list[str]:
    """The names of the topics of `choice_of`; Kafka is asked only for patterns.

    Raises SetupError if none fits, and as ClusterView does.
    """
    choice = choice_of(given, settings.serve)
    if not choice.patterns:
        return list(choice.names)
    return topics_of(choice, ClusterView(settings.librdkafka(), file=settings.secret_file("kafka")))


def known_topics(settings: Settings, given: Sequence[str] | None) -> list[str]:
    """The same; while Kafka does not say which topics fit a pattern, those that are named."""
    try:
        return chosen_topics(settings, given)
    except (UnreachableError, LoginRefusedError, AccessDeniedError):
        return list(choice_of(given, settings.serve).names)


def topics_of(choice: TopicChoice, cluster: ClusterView) -> list[str]:
    """The same of a choice."""
    found = choice.among(cluster.topic_names()) if choice.patterns else list(choice.names)
    if not found:
        raise SetupError(
            f"Kafka at {cluster.address} has no topic that fits {', '.join(choice.patterns)}",
            hint="a regular expression begins with ^ and fits from the begin of a name: '^bank\\.'",
        )
    return found
