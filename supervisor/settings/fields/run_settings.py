"""How `rtpipe supervise` runs: when a worker counts as stuck, when it is started again, how long a drain may take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, field_validator
from pydantic_settings import NoDecode

from rtpipe.errors import SettingsError
from supervisor.settings.fields.throttle_settings import ThrottleSettings
from supervisor.settings.topic_choice import TopicChoice


def _listed(value: Any) -> Any:
    """Entries in one text, as the environment has them."""
    return [value] if isinstance(value, str) else value


class SuperviseSettings(BaseModel):
    """Limits of one run, and what it says of itself."""

    serve: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        (), description="what is served without --topics: topics, and regular expressions that begin with ^"
    )
    log_format: Literal["auto", "text", "json"] = "auto"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    runtime_dir: Path | None = Field(None, description="where the supervisor's socket is")
    state_dir: Path | None = Field(None, description="what outlives a supervisor: history, pauses, limits")
    history: bool = Field(True, description="events and minute figures of the last days, in `state_dir`")
    journal_days: float = Field(7, ge=0, le=36_500, description="rows of rtpipe_journal are kept; 0: for ever")
    drain_seconds: float = Field(25, gt=0, le=3_600, description="SIGTERM until the workers are killed")
    heartbeat_seconds: float = Field(30, gt=0, le=3_600, description="a worker silent for so long is replaced")
    quarantine_seconds: float = Field(300, gt=0, le=86_400, description="between two tries of a quarantined worker")
    restart_budget: int = Field(10, ge=1, le=1_000, description="deaths without progress until quarantine")
    topic_check_seconds: float = Field(10, gt=0, le=3_600, description="between two looks at topics and partitions")
    throttle: ThrottleSettings = Field(ThrottleSettings(), description="slower while the database is not well")
    kill_point: str = Field(
        "", description="for tests: the spot at which each first worker dies by SIGKILL, or spins (=hang)"
    )

    @field_validator("serve")
    @classmethod
    def _names_topics(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            return value
        try:
            choice = TopicChoice.of(value)
        except SettingsError as exc:
            raise ValueError(exc.message) from None
        return (*choice.names, *choice.patterns)
