"""What a worker is started with, as a supervisor without any setting would start it; tests name what differs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from supervisor.lifecycle.ends.restart_policy import RestartPolicy
from supervisor.partition_plan import limits_of, spec_of
from supervisor.settings.fields.topic_settings import TopicSettings
from supervisor.settings.settings import Settings
from workers.contract.partition_spec import Limits, PartitionKey, PartitionSpec


def default_limits(**changes: Any) -> Limits:
    """The default limits of a topic, with `changes`."""
    return replace(limits_of(TopicSettings()), **changes)


def default_spec(key: PartitionKey, **changes: Any) -> PartitionSpec:
    """The order for a partition under default settings, no address among them, with `changes`."""
    spec = spec_of(Settings.model_construct(), key, topic_id="", cluster_id="", first_offset=0)
    return replace(spec, **changes)


def default_policy(**changes: Any) -> RestartPolicy:
    """The policy of restarts under default settings, with `changes`."""
    settings = Settings.model_construct()
    policy = RestartPolicy(budget=settings.restart_budget, probe_every=settings.quarantine_seconds)
    return replace(policy, **changes)
