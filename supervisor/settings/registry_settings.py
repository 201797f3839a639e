"""The block `registry` of the settings, and the client that it leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from avro_schemas.registry.properties import problem_of

if TYPE_CHECKING:
    from avro_schemas.registry.client import Registry
    from supervisor.settings.settings import Settings


def _as_text(value: Any) -> Any:
    """Numbers may be written as numbers."""
    if not isinstance(value, dict):
        return value
    return {name: str(one) if type(one) in {int, float} else one for name, one in value.items()}


def _known(value: dict[str, str]) -> dict[str, str]:
    if problem := problem_of(value):
        raise ValueError(problem)
    return value


#: Properties of the registry's client by name.
RegistryProperties = Annotated[dict[str, str], BeforeValidator(_as_text), AfterValidator(_known)]


def open_registry(settings: Settings) -> Registry:
    """A client of the schema registry; SettingsError if its settings are none."""
    from avro_schemas.registry.client import Registry  # noqa: PLC0415 - half a second, which few commands need

    return Registry(settings.schema_registry_url.get_secret_value(), settings.registry)
