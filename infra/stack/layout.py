"""What a stack is made of, decided at its first `up` and kept: its file also marks a directory as a stack."""

from __future__ import annotations

import base64
import dataclasses
import json
import uuid
from pathlib import Path
from urllib.parse import quote

from infra.stack.errors import NotAStackError, StackError
from infra.stack.ports import HOST, is_free, pick_ports
from infra.stack.security import certificates
from infra.stack.security.client_files import SETTINGS
from infra.stack.security.passwords import CLIENT, KNOWN, Passwords, new_passwords
from infra.stack.state import Addresses, write_private
from rtpipe.credentials import without_credentials

MARKER = "rtpipe-stack.json"
LOCK = "lock"


@dataclasses.dataclass(frozen=True, slots=True)
class StackLayout:
    """Brokers and ports. The ports stay the same over `down` and `up`, and so do the addresses."""

    directory: Path
    cluster_id: str
    kafka_ports: tuple[int, ...]
    controller_ports: tuple[int, ...]
    registry_port: int
    database_port: int
    secure: bool = False  #: TLS and accounts on every link
    passwords: Passwords = KNOWN

    @property
    def brokers(self) -> int:
        """How many."""
        return len(self.kafka_ports)

    @property
    def certificates(self) -> Path:
        """The folder of the certificates, if the stack is secure."""
        return self.directory / "tls"

    @property
    def addresses(self) -> Addresses:
        """Where it answers, and what it wants of who connects."""
        database, more = f"{HOST}:{self.database_port}", ""
        kafka, registry = dict[str, str](), dict[str, str]()
        if self.secure:
            authority, client = (
                str(self.certificates / name) for name in (certificates.AUTHORITY, certificates.CLIENT)
            )
            more = f"?ssl_ca={quote(authority)}&ssl_cert={quote(client)}&ssl_key={quote(client)}"
            login = f"{CLIENT}:{self.passwords.registry}"
            registry = {"ssl.ca.location": authority, "basic.auth.user.info": login}
            kafka = {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": CLIENT,
                "sasl.password": self.passwords.kafka,
                "ssl.ca.location": authority,
                "ssl.certificate.location": client,
                "ssl.key.location": client,
            }

        def url(user: str, password: str, name: str) -> str:
            return f"mysql+pymysql://{user}:{quote(password)}@{database}/{name}{more}"

        return Addresses(
            bootstrap_servers=",".join(f"{HOST}:{port}" for port in self.kafka_ports),
            schema_registry_url=f"http{'s' * self.secure}://{HOST}:{self.registry_port}/apis/ccompat/v7",
            database_url=url("consumer", self.passwords.consumer, "bank"),
            infra_database_url=url("infra", self.passwords.infra, "bank"),
            admin_database_url=url("root", self.passwords.root, ""),
            kafka=kafka,
            registry=registry,
        )

    @property
    def shown(self) -> dict[str, str]:
        """The addresses as a terminal may show them: with passwords only if everybody knows these."""
        found = {name: text for name, text in dataclasses.asdict(self.addresses).items() if isinstance(text, str)}
        if self.secure:
            found = {name: without_credentials(text) for name, text in found.items()}
            found["settings"] = str(self.directory / SETTINGS)
        return found

    def with_free_controller_ports(self) -> StackLayout:
        """Only brokers know these ports, so a port that is taken is replaced (while no broker runs)."""
        if all(is_free(port) for port in self.controller_ports):
            return self
        taken = {*self.kafka_ports, self.registry_port, self.database_port}
        return dataclasses.replace(self, controller_ports=tuple(pick_ports(self.brokers, besides=taken)))


@dataclasses.dataclass(frozen=True, slots=True)
class StackOptions:
    """What the command line asks for. None: as before, or a free port."""

    brokers: int | None = None
    kafka_port: int | None = None  #: of the first broker; the others follow it
    registry_port: int | None = None
    database_port: int | None = None
    secure: bool = False  #: a new stack has TLS and accounts on every link


def load_layout(directory: Path) -> StackLayout | None:
    """The layout of the stack in `directory`; None if nothing is there. NotAStackError if something else is there."""
    marker = directory / MARKER
    try:
        stored = json.loads(marker.read_text(encoding="utf-8"))
        return StackLayout(
            directory,
            stored["cluster_id"],
            tuple(stored["kafka_ports"]),
            tuple(stored["controller_ports"]),
            stored["registry_port"],
            stored["database_port"],
            stored.get("secure", False),
            Passwords(**stored["passwords"]) if "passwords" in stored else KNOWN,
        )
    except FileNotFoundError:
        refuse_foreign(directory)
        return None
    except NotADirectoryError as exc:
        raise NotAStackError(f"{directory} is not a directory", hint="Name another one with --dir.") from exc
    except PermissionError as exc:
        raise NotAStackError(
            f"{marker} cannot be read: {exc.strerror}", hint="The stack belongs to another user; name yours with --dir."
        ) from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise NotAStackError(
            f"{marker} is damaged: {exc!r}", hint="If the directory holds nothing you need, delete it."
        ) from exc


def refuse_foreign(directory: Path) -> None:
    """Refuse a directory that holds something else than a stack: it is never written to and never purged."""
    if directory.is_dir() and any(entry.name != LOCK for entry in directory.iterdir()):
        raise NotAStackError(
            f"{directory} holds files, but not an embedded stack ({MARKER} is missing)",
            hint="Name an empty or new directory with --dir.",
        )


def save_layout(layout: StackLayout) -> None:
    """Write the layout; this makes the directory a stack."""
    content = dataclasses.asdict(layout)
    del content["directory"]
    write_private(layout.directory / MARKER, content)


def new_layout(directory: Path, options: StackOptions) -> StackLayout:
    """Ports of `options` where it names any, free ports elsewhere."""
    brokers = options.brokers or 1
    asked = [*_kafka_ports(options, brokers), options.registry_port, options.database_port]
    picked = iter(pick_ports(2 * brokers + 2, besides={port for port in asked if port}))
    return StackLayout(
        directory,
        cluster_id=base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_"),
        kafka_ports=_kafka_ports(options, brokers) or tuple(next(picked) for _ in range(brokers)),
        controller_ports=tuple(next(picked) for _ in range(brokers)),
        registry_port=options.registry_port or next(picked),
        database_port=options.database_port or next(picked),
        secure=options.secure,
        passwords=new_passwords() if options.secure else KNOWN,
    )


def changed_layout(layout: StackLayout, options: StackOptions) -> StackLayout:
    """An existing stack with other ports; its number of brokers is part of its data."""
    if options.brokers not in {None, layout.brokers}:
        raise StackError(
            f"the stack in {layout.directory} was made with {layout.brokers} broker(s), not {options.brokers}",
            hint="Use another directory (--dir), or delete this one with its data: rtpipe infra down --purge.",
        )
    if options.secure and not layout.secure:
        raise StackError(
            f"the stack in {layout.directory} was made without --secure",
            hint="Use another directory (--dir), or delete this one with its data: rtpipe infra down --purge.",
        )
    return dataclasses.replace(
        layout,
        kafka_ports=_kafka_ports(options, layout.brokers) or layout.kafka_ports,
        registry_port=options.registry_port or layout.registry_port,
        database_port=options.database_port or layout.database_port,
    )


def _kafka_ports(options: StackOptions, brokers: int) -> tuple[int, ...]:
    first = options.kafka_port
    return () if first is None else tuple(range(first, first + brokers))
