"""The whole of the settings: frozen, with secrets that hide themselves. Nobody else reads flags, environment and file.

Order: flags over RTPIPE_… variables over the files that RTPIPE_…_FILE names or systemd keeps over rtpipe.toml over the
running embedded stack over defaults.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Self

from pydantic import PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as NotJsonError

from infra.stack.state import default_directory, read_addresses
from rtpipe.errors import SettingsError
from supervisor.settings.environment import PREFIX, refuse_misspelt, variable
from supervisor.settings.fields.database_settings import DatabaseSettings
from supervisor.settings.fields.kafka_settings import KafkaSettings
from supervisor.settings.fields.membership_settings import MembershipSettings
from supervisor.settings.fields.page_settings import PageSettings
from supervisor.settings.fields.registry_settings import RegistrySettings
from supervisor.settings.fields.run_settings import SuperviseSettings
from supervisor.settings.fields.topic_settings import TopicBlock, TopicSettings
from supervisor.settings.secrets_in_files import (
    BLOCKS,
    files_of_secrets,
    settings_from_files,
    settings_from_toml_and_its_files,
)
from supervisor.settings.setting_errors import explained, explained_json, first_problem

#: The addresses of Kafka, registry and database, which the embedded stack has, too.
_ADDRESSES = ("bootstrap_servers", "schema_registry_url", "database_url", "infra_database_url", "admin_database_url")


class Settings(
    KafkaSettings,
    RegistrySettings,
    DatabaseSettings,
    SuperviseSettings,
    MembershipSettings,
    PageSettings,
    BaseSettings,
):
    """All settings; made once, at the start of a command."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True, env_ignore_empty=True
    )

    defaults: TopicSettings = TopicSettings()
    topics: tuple[TopicBlock, ...] = ()
    _of_stack: bool = PrivateAttr(default=False)
    #: As of the start: once the settings are read, a supervisor's environment has them no more.
    _files: dict[str, str] = PrivateAttr(default_factory=files_of_secrets)

    @property
    def of_stack(self) -> bool:
        """Whether the addresses are those of the embedded stack, since none was given."""
        return self._of_stack

    @model_validator(mode="after")
    def _every_block_holds(self) -> Self:
        for number, block in enumerate(self.topics, 1):
            try:
                block.over(self.defaults)
            except ValidationError as exc:
                raise ValueError(f"[[topics]] {number}, match {block.match!r}: {first_problem(exc)}") from None
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, secrets in files, rtpipe.toml."""
        files = _Source(settings_cls, lambda: settings_from_files(cls.model_fields))
        return init_settings, env_settings, files, _Source(settings_cls, settings_from_toml_and_its_files)

    def topic(self, name: str) -> TopicSettings:
        """The settings of one topic."""
        for block in self.topics:
            if re.fullmatch(block.match, name):
                return block.over(self.defaults, name)
        return self.defaults

    def secret_file(self, name: str) -> str:
        """The file that the setting came from, to be read again; "" if it came from elsewhere."""
        return self._files.get(name, "")

    @property
    def infra_url_file(self) -> str:
        """Where `infra_url` came from, as `secret_file` says it."""
        own = self.infra_database_url.get_secret_value()
        return self.secret_file("infra_database_url" if own else "database_url")

    def forget_files_of(self, names: Iterable[str]) -> None:
        """These were given on the command line, which is stronger than any file."""
        for name in names:
            self._files.pop(name, None)


class _Source(PydanticBaseSettingsSource):
    """A settings source that is one function."""

    def __init__(self, settings_cls: type[BaseSettings], values: Callable[[], dict[str, Any]]) -> None:
        super().__init__(settings_cls)
        self._values = values

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError  # the base class asks for it; __call__ gives all at once

    def __call__(self) -> dict[str, Any]:
        return self._values()


def load(**flags: Any) -> Settings:
    """Settings of this command; `flags` that are None were not given. Raises SettingsError for whatever is wrong."""
    refuse_misspelt(Settings.model_fields)
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as exc:
        raise explained(exc, Settings.model_fields) from None
    except NotJsonError as exc:
        raise explained_json(exc) from None
    settings.forget_files_of(given)
    return _with_stack(settings)


def given_settings(**flags: Any) -> list[dict[str, Any]]:
    """What each source gives, the strongest first: flags, environment, secrets in files, rtpipe.toml. Checks nothing.

    For those who ask where a value came from, once `load` has found nothing wrong.
    """
    found: list[dict[str, Any]] = []

    class Watched(Settings):
        """Settings whose sources are asked once more."""

        @classmethod
        def settings_customise_sources(cls, *given: Any, **named: Any) -> tuple[PydanticBaseSettingsSource, ...]:
            sources = super().settings_customise_sources(*given, **named)
            found.extend(source() for source in sources)
            return sources

    Watched(**{name: value for name, value in flags.items() if value is not None})
    return found


def load_with(*needed: str, **flags: Any) -> Settings:
    """The same, and SettingsError unless each setting in `needed` has a value."""
    settings = load(**flags)
    require(settings, *needed)
    return settings


def require(settings: Settings, *names: str) -> None:
    """SettingsError that names every one of these settings that has no value."""
    missing = [variable(name) for name in names if not _plain(getattr(settings, name))]
    if missing:
        raise SettingsError(
            f"no value for {', '.join(missing)}, and no embedded stack is running",
            hint="set them (docs/settings.md), or start a stack to try with: rtpipe infra up",
        )


def as_environment(settings: Settings) -> dict[str, str]:
    """The addresses and how to speak to them as variables, for rtpipe commands that this one runs."""
    values = {name: _plain(getattr(settings, name)) for name in _ADDRESSES}
    values |= {name: json.dumps(getattr(settings, name)) for name in sorted(BLOCKS)}
    return {variable(name): value for name, value in values.items() if value}


def _with_stack(settings: Settings) -> Settings:
    """With no address given at all, the running embedded stack is meant."""
    if settings.bootstrap_servers or settings.database_url.get_secret_value():
        return settings
    stack = read_addresses(default_directory())
    if stack is None:
        return settings
    update: dict[str, Any] = {name: _like(getattr(settings, name), getattr(stack, name)) for name in _ADDRESSES}
    update |= {name: {**getattr(stack, name), **getattr(settings, name)} for name in BLOCKS}
    found = settings.model_copy(update=update)
    found._of_stack = True  # noqa: SLF001 - no setting: nobody can give it
    return found


def _like(old: str | SecretStr, new: str) -> str | SecretStr:
    return SecretStr(new) if isinstance(old, SecretStr) else new


def _plain(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
