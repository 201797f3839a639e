"""The schema registry: its address, the block `registry`, and the client that they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, field_validator

from avro_schemas.registry.properties import FILES, problem_of
from rtpipe.credentials import web_address_problem
from rtpipe.secret_files import current_properties, current_text
from supervisor.settings.fields.property_blocks import as_texts, refuse

if TYPE_CHECKING:
    from avro_schemas.registry.client import Registry
    from supervisor.settings.settings import Settings


#: Properties of the registry's client by name.
RegistryProperties = Annotated[dict[str, str], BeforeValidator(as_texts), AfterValidator(refuse(problem_of))]


class RegistrySettings(BaseModel):
    """Where the schema registry is, and how to speak to it."""

    schema_registry_url: SecretStr = Field(SecretStr(""), description="http:// or https://; may hold user:password@")
    registry: RegistryProperties = Field(default_factory=dict, repr=False, description="more properties: TLS, tokens")

    @field_validator("schema_registry_url")
    @classmethod
    def _web_address(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and (problem := web_address_problem(value.get_secret_value())):
            raise ValueError(problem)
        return value


def open_registry(settings: Settings) -> Registry:
    """A client of the schema registry, by what the files of secrets hold by now; SettingsError if that is none."""
    from avro_schemas.registry.client import Registry  # noqa: PLC0415 - half a second, which few commands need

    url = current_text(settings.schema_registry_url.get_secret_value(), settings.secret_file("schema_registry_url"))
    return Registry(url, current_properties(settings.registry, settings.secret_file("registry")))


def files_of_registry(settings: Settings) -> list[str]:
    """Files that a client of the registry reads when it is opened: certificates and secrets."""
    secrets = [settings.secret_file(name) for name in ("schema_registry_url", "registry")]
    return [*filter(None, secrets), *(settings.registry[name] for name in FILES if name in settings.registry)]
