from __future__ import annotations

import json
import logging

from rtpipe.log import JsonFormatter, TextFormatter


def record(text: str, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("rtpipe.writer", logging.WARNING, __file__, 1, text, (), None)
    vars(made).update(extra)
    return made


def test_a_json_line_holds_text_event_and_partition() -> None:
    line = json.loads(JsonFormatter().format(record("a\nb", event="worker_died", partition="t/0")))
    assert (line["msg"], line["event"], line["partition"], line["level"]) == ("a\nb", "worker_died", "t/0", "warning")
    assert line["ts"].endswith("Z")


def test_one_record_is_one_line_that_cannot_move_the_cursor() -> None:
    text = TextFormatter().format(record("a\nb\x1b[2J", partition="t/0"))
    assert "\n" not in text
    assert "\x1b" not in text
    assert " WARN  t/0 " in text
