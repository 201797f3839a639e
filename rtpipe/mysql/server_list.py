"""The servers in the text of a database URL that names several of them, `user:password@a:3306,b:3306`."""

from __future__ import annotations

import re

_ONE = r"(?:\[[\w:.%]+\]|[^\s\[\]:,/?@]+)(?::\d+)?"
_SEVERAL = rf"{_ONE}(?:,{_ONE})+"
#: As people write it; and between square brackets, as SQLAlchemy does, which knows one host.
_TEXT = re.compile(
    rf"(?P<login>[^:/]+://(?:[^@]*@)?)(?P<open>\[)?(?P<servers>{_SEVERAL})(?(open)\])(?P<rest>(?:[/?].*)?)", re.DOTALL
)


def without_servers(text: str) -> tuple[list[str], str]:
    """The servers, each `host` or `host:port`, and the URL with `host` in their place; [] and the URL if it names one
    alone.
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        return [], text
    return found["servers"].split(","), f"{found['login']}host{found['rest']}"
