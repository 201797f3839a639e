"""When rtpipe slows down for the sake of the database: the block `[throttle]` of rtpipe.toml."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class ThrottleSettings(BaseModel):
    """Limits of the database's health. Without any it is not asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threads_running: int | None = Field(None, ge=1, description="more of the server's threads at work: slower")
    replica_lag_seconds: float | None = Field(None, gt=0, description="a replica further behind: slower")
    replicas: tuple[str, ...] = Field((), description="host:port of each replica; login and TLS as for the database")

    @field_validator("replicas")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            host, _, port = address.rpartition(":")
            if not host or not port.isdigit():
                raise ValueError(f"{address!r} is not host:port")
        return value

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if bool(self.replicas) is not (self.replica_lag_seconds is not None):
            raise ValueError("`replica_lag_seconds` and `replicas` go together")
        return self

    @property
    def wanted(self) -> bool:
        """Whether there is a limit."""
        return self.threads_running is not None or self.replica_lag_seconds is not None
