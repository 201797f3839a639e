"""Several hosts that share the partitions, as members of one group in Kafka (supervisor/membership)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

#: What Kafka takes as the name of a member.
_INSTANCE = r"[a-zA-Z0-9._-]*"


class MembershipSettings(BaseModel):
    """Whether this supervisor is a member, and of which group."""

    membership: Literal["none", "kafka"] = Field("none", description="kafka: hosts share the partitions")
    membership_group: str = Field("", max_length=249, description="the group; default: one for each database")
    membership_protocol: Literal["auto", "consumer", "classic"] = "auto"
    instance_id: str = Field("", max_length=249, pattern=f"^{_INSTANCE}$", description="default: the host's name")
    session_seconds: int = Field(45, ge=6, le=1_800, description="after so long a silent host loses its partitions")
