"""All checks of `rtpipe doctor`, put together by the settings."""

from __future__ import annotations

from collections.abc import Sequence

from rtpipe.errors import SettingsError
from supervisor.doctor.database_checks import DatabaseChecks
from supervisor.doctor.examination import Area, Check, Examined, examine
from supervisor.doctor.finding import Finding, failure_of, fine
from supervisor.doctor.host_checks import HostChecks, has_fast_path
from supervisor.doctor.kafka_checks import KafkaChecks, RegistryChecks
from supervisor.doctor.table_checks import table_area
from supervisor.settings.settings import Settings, require

_NEEDED = {"kafka": "bootstrap_servers", "registry": "schema_registry_url", "database": "database_url"}


def diagnose(settings: Settings, topics: Sequence[str]) -> list[Examined]:
    """Look at everything; changes nothing. Without topics only services and machine are looked at."""
    kafka = KafkaChecks(settings, topics)
    known = examine(
        [Area("settings", [Check("settings", lambda: _settings(settings))]), _or_missing(settings, kafka.area())]
    )
    return known + examine(_others(settings, topics, kafka))


def _others(settings: Settings, topics: Sequence[str], kafka: KafkaChecks) -> list[Area]:
    """Those that ask how many partitions there are, and so come after Kafka."""
    database = DatabaseChecks(settings, topics, kafka.partitions, loads=has_fast_path())
    services = [RegistryChecks(settings, topics).area(), database.area()]
    tables = [table_area(settings, topics)] if topics else []
    return [*(_or_missing(settings, area) for area in services), *tables, HostChecks(settings, kafka.partitions).area()]


def _or_missing(settings: Settings, area: Area) -> Area:
    """The area, or one check that says that its address is missing."""
    try:
        require(settings, _NEEDED[area.name])
    except SettingsError as error:
        missing = failure_of("connection", error)
        return Area(area.name, [Check("connection", lambda: [missing])])
    return area


def _settings(settings: Settings) -> list[Finding]:
    origin = "of the running embedded stack" if settings.of_stack else "given by flags, variables or rtpipe.toml"
    return [fine("settings", f"they can be read; addresses are {origin}")]
