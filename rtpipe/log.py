"""Logging for every process: lazy text for people, JSON lines for machines; both on stderr."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}


def get_logger(name: str) -> logging.Logger:
    """A logger below `rtpipe.`, so that one level rules all of them."""
    return logging.getLogger(f"rtpipe.{name}")


def visible(text: str) -> str:
    """One line for a person; control characters from topics, keys and servers cannot move the cursor."""
    return text.translate(_CONTROL)


class TextFormatter(logging.Formatter):
    """One line for a person; control characters from topics and keys cannot move the cursor."""

    def format(self, record: logging.LogRecord) -> str:
        """`20:15:01.123 WARN  dataset1/0  text`."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        level = {"WARNING": "WARN", "CRITICAL": "FATAL"}.get(record.levelname, record.levelname)
        partition = getattr(record, "partition", "-")
        text = visible(record.getMessage())
        if record.exc_info:
            text += "".join(f"\n{visible(line)}" for line in self.formatException(record.exc_info).splitlines())
        if stacks := getattr(record, "stacks", ""):
            text += "".join(f"\n    {visible(line)}" for line in stacks.splitlines())
        return f"{clock}.{int(record.msecs):03d} {level:<5} {partition:<12} {text}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ts (UTC), level, logger, pid, msg and whatever `extra` added."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line; json escapes newlines and control characters by itself."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "ts": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "msg": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def log_to_stderr(log_format: str, level: str = "INFO") -> None:
    """Send everything below `rtpipe.` to stderr as `text` or `json`; replaces what was set before."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger("rtpipe")
    root.handlers = [handler]
    root.setLevel(level)
    root.propagate = False
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # a connection that died is told by its user
    # A full disk or a closed terminal behind stderr must not bring down the path of a row.
    logging.raiseExceptions = False
