"""The membership that the settings ask for."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from rtpipe.errors import SettingsError
from supervisor.membership.member_words import MemberStart
from supervisor.membership.membership import Membership
from supervisor.membership.names import instance_id
from supervisor.partition_plan import retuned
from supervisor.settings.live_settings import LiveSettings
from supervisor.settings.settings import Settings
from workers.contract.partition_spec import PartitionSpec


def refuse_with_membership(*, until_caught_up: bool, take_over: bool) -> None:
    """SettingsError for what goes with one host that has all partitions."""
    for asked, option in (until_caught_up, "--until-caught-up"), (take_over, "--take-over"):
        if asked:
            raise SettingsError(
                f"{option} goes with one host that has all partitions, and membership = kafka has several share them",
                hint="leave one of the two out",
            )


def membership_of(settings: Settings, specs: Sequence[PartitionSpec], group: str, live: LiveSettings) -> Membership:
    """A member of `group`. `specs`: of all partitions, whoever serves them. `live`: how topics are run."""

    def start(topics: Collection[str]) -> MemberStart:
        return MemberStart(
            kafka=settings.librdkafka(),
            kafka_file=settings.secret_file("kafka"),
            group=group,
            instance_id=instance_id(settings),
            topics=sorted(topics),
            session_seconds=settings.session_seconds,
            give_up_seconds=settings.drain_seconds,
            protocol=settings.membership_protocol,
            log_format=settings.log_format,
            log_level=settings.log_level,
        )

    def tuned(spec: PartitionSpec) -> PartitionSpec:
        return retuned(spec, live.topic(spec.key.topic))

    return Membership(start, reversed(specs), tuned, time.monotonic())
