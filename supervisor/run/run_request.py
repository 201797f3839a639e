"""What is asked of one run of the supervisor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from supervisor.page.page_options import PageOptions
from supervisor.settings.settings import Settings
from supervisor.settings.topic_choice import TopicChoice
from supervisor.status.facts.pipeline_status import PipelineStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What is asked of one run, beside the settings."""

    topics: TopicChoice
    of_settings: bool = False  #: the topics are those of the setting `serve`, and follow it
    until_caught_up: bool  #: end once all that is in the topics at the start is in the tables
    fail_on_dead_letters: bool  #: a clean end with dead letters has an exit code of its own
    take_over: bool  #: take the partitions from a supervisor that has them
    show: Callable[[PipelineStatus], None] | None  #: called once a second
    read_settings: Callable[[], Settings] | None = None  #: reads them again; None: nobody can
    page: PageOptions | None = None  #: the page that is opened, if one is
