"""The parts of a bundle: each as JSON has it, or why it is not to be had."""

from __future__ import annotations

import dataclasses
import os
import platform
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import Any

import confluent_kafka
import psutil

from rtpipe.clock import timestamp
from rtpipe.errors import RtpipeError
from supervisor.control.control_socket import runtime_directory
from supervisor.doctor.diagnosis import diagnose
from supervisor.doctor.view import facts_of as facts_of_checks
from supervisor.history.history_reader import Span
from supervisor.history.look_back import look_back
from supervisor.settings.origins import known_settings, topic_settings
from supervisor.settings.origins_view import facts_of as facts_of_settings
from supervisor.settings.settings import Settings, load
from supervisor.settings.state_directory import HISTORY_FILE, state_directory
from supervisor.status.running_supervisors import ask_for_status

#: Seconds of history that go along.
_HISTORY = 86_400.0
#: File in the bundle -> its content.
Parts = Mapping[str, Any]


def gathered(topics: Sequence[str]) -> tuple[Parts, Settings | None]:
    """All parts, and the settings, whose secrets must be in none of them. Without settings there are few parts.

    `topics`: looked at by doctor, beside those of the running supervisors.
    """
    parts: dict[str, Any] = {"about.json": about(), "packages.json": packages()}
    try:
        settings = load()
    except RtpipeError as error:
        return parts | {"settings.json": _failed(error)}, None
    status = _or_error(lambda: ask_for_status(runtime_directory(settings.runtime_dir)).to_json())
    names = sorted({*topics, *_topics_of(status)})
    parts |= {
        "settings.json": _or_error(
            lambda: facts_of_settings(
                known_settings(settings), {name: topic_settings(settings, name) for name in names}
            )
        ),
        "status.json": status,
        "doctor.json": _or_error(lambda: facts_of_checks(diagnose(settings, names))),
        "events.json": _or_error(lambda: _events(settings)),
    }
    return parts, settings


def about() -> dict[str, Any]:
    """Versions of what runs, and the machine."""
    memory = psutil.virtual_memory()
    return {
        "rtpipe": metadata.version("rtpipe"),
        "python": platform.python_version(),
        "librdkafka": confluent_kafka.libversion()[0],
        "openssl": ssl.OPENSSL_VERSION,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": memory.total,
        "memory_available_bytes": memory.available,
        "gathered_at": timestamp(time.time()),
    }


def packages() -> dict[str, str]:
    """The version of each package of this Python."""
    found = {str(one.metadata["Name"]): one.version for one in metadata.distributions()}
    return dict(sorted(found.items(), key=lambda one: one[0].lower()))


def _settings(settings: Settings, topics: Sequence[str]) -> dict[str, Any]:
    of_topics = {name: topic_settings(settings, name) for name in topics}
    return facts_of_settings(known_settings(settings), of_topics)


def _events(settings: Settings) -> dict[str, Any]:
    now = time.time()
    span = Span(timestamp(now - _HISTORY), timestamp(now), None, None)
    found = look_back(state_directory(settings.state_dir) / HISTORY_FILE, span)
    return {"events": [dataclasses.asdict(event) for event in found.events]}


def _topics_of(status: Any) -> set[str]:
    """The topics of the supervisors that run."""
    supervisors = status.get("supervisors", [])
    return {str(one["topic"]) for reply in supervisors for one in reply.get("partitions", [])}


def _or_error(part: Callable[[], Any]) -> Any:
    """The part; what went wrong where it is not to be had: the others go along all the same."""
    try:
        return part()
    except RtpipeError as error:
        return _failed(error)
    except Exception as error:  # by its kind alone: its text may hold anything
        return {"error_name": type(error).__name__, "error_text": "this part is missing"}


def _failed(error: RtpipeError) -> dict[str, str]:
    return {"error_name": error.name, "error_text": error.message, "what_to_do": error.hint}
