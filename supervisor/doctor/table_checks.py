"""Each topic's table, held against its newest schema, as `rtpipe table plan` does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from supervisor.doctor.examination import Area, Check
from supervisor.doctor.finding import Finding, failure, fine, warning
from supervisor.schemas.table_plans.planned_tables import plan_tables
from supervisor.schemas.table_plans.table_plan import UNASKED, TablePlan
from supervisor.schemas.table_plans.table_targets import targets
from supervisor.settings.accounts import accounts
from supervisor.settings.settings import Settings


def table_area(settings: Settings, topics: Sequence[str]) -> Area:
    """A check for each topic; one that cannot be made keeps no other from being made."""
    checks = [Check(topic, partial(_of_topic, settings, topic)) for topic in topics]
    return Area("tables", checks, needs_first=False)


def _of_topic(settings: Settings, topic: str) -> list[Finding]:
    known = accounts(settings)
    plans = plan_tables(targets(settings, [topic], None), known.infra, known.database, UNASKED)
    return [finding for plan in plans for finding in judged(plan)]


def judged(plan: TablePlan) -> list[Finding]:
    """What the plan means for the topic's rows."""
    topic, table = plan.target.topic, f"table {plan.target.table}"
    show = f"rtpipe table plan --topics {topic}"
    if plan.refused:
        refused = f"{table} cannot take schema id {plan.target.schema_id}: {'; '.join(plan.refused)}"
        return [failure(topic, refused, "its partitions are held", show)]
    if plan.create:
        return [failure(topic, f"there is no {table}", "its partitions halt", f"rtpipe setup --topics {topic}")]
    if plan.changes:
        number = len(plan.changes)
        found = f"{table} needs {number} change{'' if number == 1 else 's'} for schema id {plan.target.schema_id}"
        if plan.questions:
            meaning = f"a person must decide, since that {' and '.join(plan.questions)}; until then partitions are held"
            return [warning(topic, found, meaning, f"rtpipe table apply --topics {topic}")]
        meaning = "rtpipe makes them at the first such message, unless `evolution` in rtpipe.toml forbids it"
        return [warning(topic, found, meaning, show)]
    losses = [warning(topic, f"{table}: {loss}", "other values become dead letters", show) for loss in plan.losses]
    return losses or [fine(topic, f"{table} fits schema id {plan.target.schema_id}")]
