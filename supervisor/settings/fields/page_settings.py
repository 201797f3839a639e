"""The page: where it listens, who may look at it and change something there."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr, field_validator

_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):(?P<port>\d{1,5})")
_SHORTEST_TOKEN = 16
_PORTS = 1 << 16


class PageSettings(BaseModel):
    """Only `rtpipe supervise --page` listens anywhere."""

    page_address: str = Field("127.0.0.1:8480", description="where the page listens, as host:port")
    page_token: Annotated[SecretStr, Field(description="opens what changes something, and a page beyond loopback")] = (
        SecretStr("")
    )
    page_hosts: str = Field("", description="more names by which browsers reach the page, separated by commas")

    @field_validator("page_address")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        found = _ADDRESS.fullmatch(value)
        if found is None or int(found["port"]) >= _PORTS:
            raise ValueError("takes host:port, such as 127.0.0.1:8480")
        return value

    @field_validator("page_token")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value()) < _SHORTEST_TOKEN:
            raise ValueError(f"needs {_SHORTEST_TOKEN} characters at least; make one: openssl rand -hex 16")
        return value
