"""The settings of a run, which may be read again while it runs: what of them changed, and what may change live."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from supervisor.settings.environment import given_variables
from supervisor.settings.fields.topic_settings import TopicSettings
from supervisor.settings.settings import Settings, load

#: What of a topic's settings its workers need no restart for, and what they do. The rest shapes tables, names groups,
#: or belongs to the run: the supervisor itself must start again.
AT_ONCE = frozenset({"late_after", "stuck_after", "max_rows_per_second"})
BY_RESTART = frozenset(
    {
        "batch_rows",
        "batch_bytes",
        "linger_ms",
        "queue_batches",
        "load_data",
        "journal",
        "on_error",
        "dead_letters_per_minute",
    }
)
#: Settings that are topics' own or name them, and one that the command line settles.
_NOT_OF_THE_RUN = frozenset({"defaults", "topics", "serve", "log_format"})


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting of one topic that the file has otherwise by now."""

    topic: str
    name: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.topic}: {self.name} {self.before!r} -> {self.after!r}"


@dataclass(frozen=True, slots=True)
class SettingsRead:
    """The settings of now, beside those of the run."""

    live: tuple[SettingChange, ...]  #: may be taken
    not_live: tuple[str, ...]  #: what waits for another start of the supervisor, in words, without values of the run
    topics: dict[str, TopicSettings]  #: each with its live changes alone
    whole: Settings  #: as it was read

    def topic(self, name: str) -> TopicSettings:
        """As it will be run."""
        return self.topics.get(name) or self.whole.topic(name)


@dataclass(frozen=True, slots=True)
class TopicsNow:
    """What topics are run with, for another thread than the loop."""

    whole: Settings  #: those of the run, with what the settings of now say of topics
    served: Mapping[str, TopicSettings]

    def topic(self, name: str) -> TopicSettings:
        """As it is run, or would be."""
        return self.served.get(name) or self.whole.topic(name)


class LiveSettings:
    """What topics are run with. Used by the supervisor's loop alone."""

    def __init__(self, settings: Settings, read: Callable[[], Settings]) -> None:
        self._settings = settings
        self._read = read
        self._topics: dict[str, TopicSettings] = {}

    def topic(self, name: str) -> TopicSettings:
        """As it is run."""
        if name not in self._topics:
            self._topics[name] = self._settings.topic(name)
        return self._topics[name]

    def now(self) -> TopicsNow:
        """All of it, as of now."""
        return TopicsNow(self._settings, dict(self._topics))

    def keeps_journal(self) -> bool:
        """Whether a topic that is run has a journal."""
        return any(chosen.journal for chosen in self._topics.values())

    def forget(self, name: str) -> None:
        """It is served no more; if it comes back, it is run as the settings are then."""
        self._topics.pop(name, None)

    def read_again(self, topics: Iterable[str]) -> SettingsRead:
        """Nothing is taken yet. Raises SettingsError for whatever is wrong with them."""
        new = self._read()
        names = [name for name in Settings.model_fields if name not in _NOT_OF_THE_RUN]
        not_live = [name for name in names if getattr(new, name) != getattr(self._settings, name)]
        live, wanted = list[SettingChange](), dict[str, TopicSettings]()
        for topic in topics:
            before, after = self.topic(topic), new.topic(topic)
            changes = [
                SettingChange(topic, name, getattr(before, name), getattr(after, name))
                for name in TopicSettings.model_fields
                if getattr(before, name) != getattr(after, name)
            ]
            taken = [change for change in changes if change.name in AT_ONCE | BY_RESTART]
            live += taken
            not_live += [str(change) for change in changes if change not in taken]
            wanted[topic] = before.model_copy(update={change.name: change.after for change in taken})
        return SettingsRead(tuple(live), tuple(not_live), wanted, new)

    def take(self, read: SettingsRead) -> None:
        """Run the topics with the live changes from now on, and new ones as the settings are by now."""
        self._topics |= read.topics
        of_topics = {"defaults": read.whole.defaults, "topics": read.whole.topics}
        self._settings = self._settings.model_copy(update=of_topics)


def reader(**flags: Any) -> Callable[[], Settings]:
    """Reads the settings again as this command read them, also when its environment has them no more."""
    kept = given_variables()

    def read() -> Settings:
        missing = kept.keys() - os.environ.keys()
        os.environ.update({name: kept[name] for name in missing})
        try:
            return load(**flags)
        finally:
            for name in missing:
                del os.environ[name]

    return read
