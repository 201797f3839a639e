"""Which topics are meant: names, and regular expressions that begin with `^`, as Kafka's clients take them; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rtpipe.errors import SettingsError
from supervisor.settings.option_values import is_pattern, is_topic_name, topic_entries

#: Topics whose names begin like this are those of Kafka itself: no pattern means them.
_INTERNAL = "__"


@dataclass(frozen=True, slots=True)
class TopicChoice:
    """What `--topics` or the setting `serve` says, in order."""

    names: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Iterable[str]) -> TopicChoice:
        r"""Entries such as `orders` and `^bank\.`, also several in one text, split by commas.

        Raises SettingsError for none, for one that is given twice, and for one that is neither.
        """
        entries = topic_entries(given)
        patterns = tuple(entry for entry in entries if is_pattern(entry))
        names = tuple(entry for entry in entries if not is_pattern(entry))
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as exc:
                raise SettingsError(
                    f"topics {pattern!r} is not a regular expression: {exc}",
                    hint="an entry that begins with ^ is one; commas split entries",
                ) from None
        for name in names:
            if not is_topic_name(name):
                raise SettingsError(
                    f"{name!r} is neither a topic nor a regular expression",
                    hint="a regular expression begins with ^, and commas split entries: --topics 'orders,^bank\\.'",
                )
        return cls(names, patterns)

    def __str__(self) -> str:
        return ",".join((*self.names, *self.patterns))

    def fits(self, topic: str) -> bool:
        """Whether a pattern means the topic."""
        return not topic.startswith(_INTERNAL) and any(re.search(pattern, topic) for pattern in self.patterns)

    def among(self, topics: Iterable[str]) -> list[str]:
        """All that is meant: the names, whether they are among `topics` or not, then those of `topics` that fit."""
        return [*self.names, *sorted(topic for topic in set(topics) - set(self.names) if self.fits(topic))]


def choice_of(given: Sequence[str] | None, serve: Sequence[str]) -> TopicChoice:
    """What `--topics` says, else the setting `serve`. Raises SettingsError for neither, and as TopicChoice.of."""
    if given or serve:
        return TopicChoice.of(given or serve)
    raise SettingsError(
        "no topic given", hint="for example: --topics dataset1,dataset2,dataset3; or set `serve` in rtpipe.toml"
    )
