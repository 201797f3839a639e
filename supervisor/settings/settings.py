"""The only reader of flags, environment and rtpipe.toml: frozen settings, secrets that hide themselves.

Order: flags over RTPIPE_… variables (or the file that RTPIPE_…_FILE names) over rtpipe.toml over the running embedded
stack over defaults.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as NotJsonError

from infra.stack.state import default_directory, read_addresses
from rtpipe.credentials import web_address_problem
from rtpipe.errors import SettingsError
from supervisor.settings.registry_settings import RegistryProperties
from supervisor.settings.topic_settings import TopicBlock, TopicSettings

if TYPE_CHECKING:
    from infra.provision.accounts import Accounts

_PREFIX = "RTPIPE_"
#: Variables that are read elsewhere.
_OTHERS = ("CONFIG", "DEBUG", "CACHE_DIR", "STACK_DIR", "MAVEN_REPOSITORY")
_LARGEST_FILE = 1 << 20
_SECRET = {"schema_registry_url", "database_url", "infra_database_url", "admin_database_url", "kafka", "registry"}
#: Settings that are a block of properties: JSON in the environment.
_BLOCKS = {"kafka", "registry"}


def _files_of_secrets() -> dict[str, str]:
    """Which settings come from files, and from which: those that no variable gives itself."""
    named = {name: os.environ.get(f"{_PREFIX}{name.upper()}_FILE", "") for name in _SECRET}
    return {name: path for name, path in named.items() if path and not os.environ.get(f"{_PREFIX}{name.upper()}")}


class Settings(BaseSettings):
    """Everything rtpipe can be told; made once, at the start of a command."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True, env_ignore_empty=True
    )

    bootstrap_servers: str = ""
    schema_registry_url: SecretStr = SecretStr("")
    database_url: SecretStr = SecretStr("")
    infra_database_url: SecretStr = SecretStr("")
    admin_database_url: SecretStr = SecretStr("")
    kafka: dict[str, str] = Field(default_factory=dict, repr=False)
    registry: RegistryProperties = Field(default_factory=dict, repr=False)
    defaults: TopicSettings = TopicSettings()
    topics: tuple[TopicBlock, ...] = ()
    log_format: Literal["auto", "text", "json"] = "auto"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    runtime_dir: Path | None = None
    drain_seconds: float = Field(25, gt=0, le=3_600)
    heartbeat_seconds: float = Field(30, gt=0, le=3_600)
    quarantine_seconds: float = Field(300, gt=0, le=86_400)
    restart_budget: int = Field(10, ge=1, le=1_000, description="deaths without progress until quarantine")
    database_seconds: int = Field(20, ge=2, le=3_600, description="a database silent for so long counts as gone")
    topic_check_seconds: float = Field(10, gt=0, le=3_600)
    _of_stack: bool = PrivateAttr(default=False)
    kill_point: str = Field(
        "", description="for tests: the spot at which each first worker dies by SIGKILL, or spins (=hang)"
    )

    @property
    def of_stack(self) -> bool:
        """Whether the addresses are those of the embedded stack, since none was given."""
        return self._of_stack

    #: As of the start: once the settings are read, a supervisor's environment has them no more.
    _files: dict[str, str] = PrivateAttr(default_factory=_files_of_secrets)

    @field_validator("bootstrap_servers")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        for address in filter(None, value.split(",")):
            if "://" in address or not re.fullmatch(r"\[?[^\s/]+\]?:\d+", address.strip()):
                raise ValueError(f"takes host:port, separated by commas, not {address!r}")
        return value

    @model_validator(mode="after")
    def _every_block_holds(self) -> Self:
        for number, block in enumerate(self.topics, 1):
            try:
                block.over(self.defaults)
            except ValidationError as exc:
                said = exc.errors(include_input=False, include_url=False)[0]["msg"].removeprefix("Value error, ")
                raise ValueError(f"[[topics]] {number}, match {block.match!r}: {said}") from None
        return self

    @field_validator("schema_registry_url")
    @classmethod
    def _web_address(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and (problem := web_address_problem(value.get_secret_value())):
            raise ValueError(problem)
        return value

    @field_validator("database_url", "infra_database_url", "admin_database_url")
    @classmethod
    def _mysql_url(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if not text:
            return value
        from rtpipe.mysql.engine import mysql_url  # noqa: PLC0415 - half of the time that `rtpipe status` would take

        return SecretStr(mysql_url(text).render_as_string(hide_password=False))

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
        return init_settings, env_settings, _Given(settings_cls, _from_secret_files), _Given(settings_cls, _from_toml)

    def topic(self, name: str) -> TopicSettings:
        """The settings of one topic."""
        for block in self.topics:
            if re.fullmatch(block.match, name):
                return block.over(self.defaults, name)
        return self.defaults

    def secret_file(self, name: str) -> str:
        """The file that the setting came from, to be read again; "" if it came from elsewhere."""
        return self._files.get(name, "")

    def librdkafka(self) -> dict[str, str]:
        """Properties for every Kafka client."""
        return {**self.kafka, "bootstrap.servers": self.bootstrap_servers}


class _Given(PydanticBaseSettingsSource):
    """A settings source that is one function."""

    def __init__(self, settings_cls: type[BaseSettings], values: Any) -> None:
        super().__init__(settings_cls)
        self._values = values

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError  # the base class asks for it; __call__ gives all at once

    def __call__(self) -> dict[str, Any]:
        values: dict[str, Any] = self._values()
        return values


def _from_secret_files() -> dict[str, Any]:
    """`RTPIPE_DATABASE_URL_FILE=/run/…` gives database_url: what systemd credentials and mounted secrets look like."""
    found: dict[str, Any] = {}
    for name in Settings.model_fields:
        variable = f"{_PREFIX}{name.upper()}_FILE"
        if path := os.environ.get(variable):
            try:
                if name in _SECRET:
                    _require_private(variable, Path(path))
                text = Path(path).read_text().strip()
                found[name] = json.loads(text) if name in _BLOCKS else text
            except OSError as exc:
                raise SettingsError(
                    f"{variable}: {path}: {exc.strerror}", hint="is it readable for this user?"
                ) from exc
            except ValueError:  # its text may hold a password
                raise SettingsError(f"{variable}: {path}: takes JSON", hint='such as {"sasl.password": "…"}') from None
    return found


def _require_private(variable: str, path: Path) -> None:
    """A secret that others can read is none; systemd's credentials lie in a directory that nobody else may enter."""
    inside = os.environ.get("CREDENTIALS_DIRECTORY")
    if path.stat().st_mode & 0o077 and not (inside and path.resolve().is_relative_to(Path(inside).resolve())):
        raise SettingsError(f"{variable}: {path} can be read by other users", hint=f"chmod 600 {path}")


def _from_toml() -> dict[str, Any]:
    """`$RTPIPE_CONFIG`, else rtpipe.toml in the working directory, if it is there."""
    named = os.environ.get(f"{_PREFIX}CONFIG")
    path = Path(named or "rtpipe.toml")
    if not named and not path.exists():
        return {}
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise SettingsError(f"{path}: larger than 1 MB", hint="is this the right file?")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise SettingsError(f"{path}: {exc.strerror}", hint="RTPIPE_CONFIG names the settings file") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{path}: not valid TOML: {exc}", hint="see docs/settings.md for an example") from exc


def _refuse_misspelt() -> None:
    """A variable of nearly the right name would be ignored in silence; those of other programs are none of ours."""
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known} | {f"{_PREFIX}{name}" for name in _OTHERS}
    for name in sorted(os.environ):
        if name.startswith(_PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
            if close:
                raise SettingsError(f"{name}: no such variable", hint=f"did you mean {close[0]}?")


def load(**flags: Any) -> Settings:
    """Settings of this command; `flags` that are None were not given. Raises SettingsError for whatever is wrong."""
    _refuse_misspelt()
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as exc:
        raise _explained(exc) from None
    except NotJsonError as exc:  # its text names the field, and nothing of the value
        field = re.search(r'field "(\w+)"', str(exc))
        name = f"{_PREFIX}{field[1].upper()}" if field else "a variable"
        hint = "or write it as a block of rtpipe.toml (docs/settings.md)"
        raise SettingsError(f"{name}: takes JSON", hint=hint) from None
    return _with_stack(settings)


def _with_stack(settings: Settings) -> Settings:
    """With no address given at all, the running embedded stack is meant."""
    if settings.bootstrap_servers or settings.database_url.get_secret_value():
        return settings
    stack = read_addresses(default_directory())
    if stack is None:
        return settings
    found = settings.model_copy(
        update={
            "bootstrap_servers": stack.bootstrap_servers,
            "schema_registry_url": SecretStr(stack.schema_registry_url),
            "database_url": SecretStr(stack.database_url),
            "infra_database_url": SecretStr(stack.infra_database_url),
            "admin_database_url": SecretStr(stack.admin_database_url),
        }
    )
    found._of_stack = True  # noqa: SLF001 - no setting: nobody can give it
    return found


def as_environment(settings: Settings) -> dict[str, str]:
    """The addresses as variables, for rtpipe commands that this one runs."""
    secrets = ("schema_registry_url", "database_url", "infra_database_url", "admin_database_url")
    values = {name: getattr(settings, name).get_secret_value() for name in secrets}
    values |= {"bootstrap_servers": settings.bootstrap_servers}
    values |= {name: json.dumps(getattr(settings, name)) for name in _BLOCKS}
    return {f"{_PREFIX}{name.upper()}": value for name, value in values.items() if value}


def infra_url(settings: Settings) -> str:
    """The account that reads and alters tables; the writers' own where no other was given."""
    return settings.infra_database_url.get_secret_value() or settings.database_url.get_secret_value()


def accounts(settings: Settings) -> Accounts:
    """The three accounts; SettingsError if they do not agree on one database."""
    from infra.provision.accounts import accounts_of  # noqa: PLC0415 - SQLAlchemy takes longer than `rtpipe status` may

    urls = (settings.database_url, settings.infra_database_url, settings.admin_database_url)
    consumer, infra, admin = (url.get_secret_value() for url in urls)
    file = settings.secret_file("infra_database_url" if infra else "database_url")
    return accounts_of(consumer, infra or None, admin or None, infra_file=file)


def require(settings: Settings, *names: str) -> None:
    """Refuse to go on without these addresses."""
    missing = [f"{_PREFIX}{name.upper()}" for name in names if not _plain(getattr(settings, name))]
    if missing:
        raise SettingsError(
            f"no value for {', '.join(missing)}, and no embedded stack is running",
            hint="set them (docs/settings.md), or start a stack to try with: rtpipe infra up",
        )


def _plain(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _explained(exc: ValidationError) -> SettingsError:
    problems = []
    for error in exc.errors(include_input=False, include_url=False):
        where = ".".join(map(str, error["loc"])) or "settings"
        problem = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            blocks = TopicBlock.model_fields if error["loc"][0] == "topics" else TopicSettings.model_fields
            known = Settings.model_fields if len(error["loc"]) == 1 else blocks
            close = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
            problem = "unknown setting" + (f"; did you mean {close[0]}?" if close else "")
        problems.append(f"{where}: {problem}")
    return SettingsError("; ".join(problems), hint="docs/settings.md lists every setting")
