"""The names of environment variables: RTPIPE_ and a setting's name in capitals."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping

from rtpipe.errors import SettingsError

PREFIX = "RTPIPE_"
#: Variables that are no settings: each is read where it is needed.
NO_SETTINGS = ("CONFIG", "DEBUG", "CACHE_DIR", "STACK_DIR", "MAVEN_REPOSITORY", "PAGE_CLIENT")
#: Of a command that the page runs for its operator: the address of the operator's browser.
PAGE_CLIENT = "RTPIPE_PAGE_CLIENT"
#: How much alike two names are before one counts as a slip for the other.
_ALIKE = 0.85


def variable(name: str) -> str:
    """The variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def given_variables() -> dict[str, str]:
    """All variables of ours that this process has now: those with secrets, too."""
    return {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}


def page_client() -> str:
    """For whose browser the page runs this command; "" if a person runs it."""
    return os.environ.get(PAGE_CLIENT, "")


def as_variables(flags: Mapping[str, str | None]) -> dict[str, str]:
    """Flags by the names of their settings, as variables; those that are None were not given."""
    return {variable(name): value for name, value in flags.items() if value is not None}


def file_variable(name: str) -> str:
    """The variable that names a file with the setting's value."""
    return f"{variable(name)}_FILE"


def refuse_misspelt(settings: Iterable[str]) -> None:
    """SettingsError for a variable whose name is nearly right: it would be ignored in silence.

    Other variables that begin with RTPIPE_ are those of other programs.
    """
    known = {spell(name) for name in settings for spell in (variable, file_variable)}
    known |= {f"{PREFIX}{name}" for name in NO_SETTINGS}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE)
            if close:
                raise SettingsError(f"{name}: no such variable", hint=f"did you mean {close[0]}?")
