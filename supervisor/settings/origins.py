"""Where each setting came from: the source that gave it, by the settings' own sources."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from supervisor.settings.environment import file_variable, variable
from supervisor.settings.fields.topic_settings import TopicSettings
from supervisor.settings.masking import shown_setting
from supervisor.settings.secrets_in_files import BLOCKS, file_outside
from supervisor.settings.settings import Settings, given_settings
from supervisor.settings.settings_file import settings_path

DEFAULT, OF_STACK = "default", "the embedded stack"


@dataclass(frozen=True, slots=True)
class KnownSetting:
    """A setting as it may be shown to everybody: no value of it is a secret."""

    name: str
    value: Any  #: as JSON has it; a secret is ***
    origin: str


def known_settings(settings: Settings, **flags: Any) -> list[KnownSetting]:
    """All settings but those of topics, with what `[defaults]` and `[[topics]]` say; `flags` as for `load`."""
    sources = given_settings(**flags)
    return [one for name in Settings.model_fields for one in _of_setting(settings, name, sources)]


def topic_settings(settings: Settings, topic: str) -> list[KnownSetting]:
    """All settings of one topic, after the first `[[topics]]` block whose `match` fits."""
    chosen = settings.topic(topic)
    matching = ((at, one) for at, one in enumerate(settings.topics, 1) if re.fullmatch(one.match, topic))
    number, block = next(matching, (0, None))
    said = set() if block is None else block.model_fields_set
    where = "" if block is None else f"[[topics]] {number}, match {block.match!r}"

    def origin(name: str) -> str:
        if name in said:
            return where
        return "[defaults]" if name in settings.defaults.model_fields_set else DEFAULT

    return [KnownSetting(name, _plain(getattr(chosen, name)), origin(name)) for name in TopicSettings.model_fields]


def _of_setting(settings: Settings, name: str, sources: list[dict[str, Any]]) -> Iterator[KnownSetting]:
    value = getattr(settings, name)
    origin = _origin(settings, name, sources)
    if name in BLOCKS and value:
        for key in value:
            given = next((at for at, one in enumerate(sources) if key in _block(one.get(name))), None)
            where = origin if given is None else _words(given, name)
            yield KnownSetting(f"{name}.{key}", shown_setting(f"{name}.{key}", value[key]), where)
    elif isinstance(value, BaseModel):
        for key in sorted(value.model_fields_set):
            yield KnownSetting(f"{name}.{key}", _plain(getattr(value, key)), origin)
    elif name == "topics":
        for number, block in enumerate(value, 1):
            for key in sorted(block.model_fields_set, key=lambda one: (one != "match", one)):
                yield KnownSetting(f"{name} {number}.{key}", _plain(getattr(block, key)), origin)
    else:
        yield KnownSetting(name, shown_setting(name, value), origin)


def _origin(settings: Settings, name: str, sources: list[dict[str, Any]]) -> str:
    given = next((at for at, one in enumerate(sources) if name in one), None)
    if given is not None:
        return _words(given, name)
    return OF_STACK if settings.of_stack and name.endswith(("_url", "_servers")) else DEFAULT


def _words(source: int, name: str) -> str:
    """The source of that number, as `given_settings` orders them."""
    path, outside = settings_path(), file_outside(name)
    by_variable = f" ({file_variable(name)})" if os.environ.get(file_variable(name)) else ""
    return (
        f"option --{name.replace('_', '-')}",
        f"environment {variable(name)}",
        f"file {outside}{by_variable}",
        f"file {path.resolve() if path else ''}",
    )[source]


def _block(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value
