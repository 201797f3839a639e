"""What `rtpipe status --json` prints, as a JSON schema; `python -m` of this module writes docs/status.schema.json."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.pipeline_status import SCHEMA_VERSION, PipelineStatus


def json_schema() -> dict[str, Any]:
    """Of the whole output."""
    pipeline = TypeAdapter(PipelineStatus).json_schema(mode="serialization")
    types = pipeline.pop("$defs")
    partition = types[PartitionStatus.__name__]["properties"]
    partition["lag"] = {"anyOf": [{"type": "integer"}, {"type": "null"}], "title": "Lag"}
    partition["limiting_phase"] = {"type": "string", "title": "Limiting Phase"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rtpipe status --json",
        "type": "object",
        "required": ["schema_version", "supervisors"],
        "properties": {
            "schema_version": {"const": SCHEMA_VERSION},
            "supervisors": {"type": "array", "items": {"$ref": f"#/$defs/{PipelineStatus.__name__}"}},
        },
        "$defs": types | {PipelineStatus.__name__: pipeline},
    }


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
