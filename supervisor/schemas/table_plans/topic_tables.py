"""The tables that `rtpipe table` is asked about: each planned, refused or changed in a session of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.provision.accounts import Accounts
from rtpipe.errors import SettingsError
from rtpipe.log import log_to_stderr
from supervisor.kafka.chosen_topics import chosen_topics
from supervisor.schemas.table_plans.planned_tables import plan_tables
from supervisor.schemas.table_plans.table_apply import apply_to, refuse
from supervisor.schemas.table_plans.table_plan import PlanOptions, TablePlan, TableTarget
from supervisor.schemas.table_plans.table_targets import targets
from supervisor.settings.accounts import accounts
from supervisor.settings.settings import Settings, load_with


@dataclass(frozen=True, slots=True)
class TopicTables:
    """Tables and what may be done to them. Every method speaks to the database, but for `refuse`."""

    targets: Sequence[TableTarget]
    accounts: Accounts
    options: PlanOptions

    def plans(self) -> list[TablePlan]:
        """What each table needs; of targets that share a table, each as the ones before leave it."""
        return plan_tables(self.targets, self.accounts.infra, self.accounts.database, self.options)

    @staticmethod
    def refuse(plans: Sequence[TablePlan]) -> None:
        """EvolutionError if a table cannot take its schema."""
        refuse(plans)

    def apply(self, plans: Sequence[TablePlan]) -> Iterator[str]:
        """Do what the plans show, table by table; the name of each table that was changed, once it is."""
        for plan in plans:
            if plan.differs:
                apply_to(plan.target, self.accounts, self.options)
                yield plan.target.table


def open_tables(
    topics: list[str] | None,
    schema: Path | None,
    schema_id: int | None,
    options: PlanOptions,
    schema_registry_url: str | None,
) -> TopicTables:
    """By the settings and these options of the command line. SettingsError for what does not go together.

    The registry is asked only where no schema file is given.
    """
    needed = ["database_url", *(["schema_registry_url"] if schema is None else [])]
    settings = load_with(*needed, schema_registry_url=schema_registry_url)
    log_to_stderr("text", settings.log_level)
    wanted = targets(settings, chosen_topics(settings, topics) if topics else [], schema, schema_id)
    if options.drop:
        _refuse_to_drop_what_others_fill(settings, wanted)
    return TopicTables(wanted, accounts(settings), options)


def _refuse_to_drop_what_others_fill(settings: Settings, wanted: Sequence[TableTarget]) -> None:
    if shared := [target.topic for target in wanted if settings.topic(target.topic).subjects().by_record]:
        raise SettingsError(
            f"--drop: topic {shared[0]} has a subject for each record: a column that one record does not fill may be"
            " another's",
            hint="drop it by hand",
        )
