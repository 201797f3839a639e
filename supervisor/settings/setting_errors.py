"""What is wrong with the settings, in words that quote no secret."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_settings import SettingsError as NotJsonError

from rtpipe.errors import SettingsError
from supervisor.settings.environment import variable
from supervisor.settings.fields.topic_settings import TopicBlock, TopicSettings


def first_problem(exc: ValidationError) -> str:
    """The first thing that is wrong."""
    return _text(exc.errors(include_input=False, include_url=False)[0]["msg"])


def explained(exc: ValidationError, settings: Iterable[str]) -> SettingsError:
    """All that is wrong, each with its setting; `settings` are the names that there are."""
    problems = []
    for error in exc.errors(include_input=False, include_url=False):
        where = ".".join(map(str, error["loc"])) or "settings"
        problem = _text(error["msg"])
        if error["type"] == "extra_forbidden":
            blocks = TopicBlock.model_fields if error["loc"][0] == "topics" else TopicSettings.model_fields
            known = settings if len(error["loc"]) == 1 else blocks
            close = difflib.get_close_matches(str(error["loc"][-1]), list(known), n=1)
            problem = "unknown setting" + (f"; did you mean {close[0]}?" if close else "")
        problems.append(f"{where}: {problem}")
    return SettingsError("; ".join(problems), hint="docs/settings.md lists every setting")


def explained_json(exc: NotJsonError) -> SettingsError:
    """A variable that takes JSON and has none. The exception's text names the field, and nothing of the value."""
    field = re.search(r'field "(\w+)"', str(exc))
    name = variable(field[1]) if field else "a variable"
    return SettingsError(f"{name}: takes JSON", hint="or write it as a block of rtpipe.toml (docs/settings.md)")


def _text(message: str) -> str:
    return message.removeprefix("Value error, ")
