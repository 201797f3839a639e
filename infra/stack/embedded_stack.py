"""`rtpipe infra up | down | status`: a broker, a schema registry and a database that need nothing but Python."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from rich.console import Console

from infra.stack import layout as stack_layout
from infra.stack import preflight
from infra.stack.artifacts.cache import Artifacts, artifact_paths, cache_directory, ensure_artifacts
from infra.stack.console import ServiceLines
from infra.stack.disk import disk_errors
from infra.stack.errors import NotAStackError, StackError
from infra.stack.file_lock import file_lock
from infra.stack.layout import StackLayout, StackOptions
from infra.stack.ports import check_free
from infra.stack.security.certificates import make_certificates
from infra.stack.security.client_files import write_client_files
from infra.stack.services import control as service_control
from infra.stack.services import start as service_start
from infra.stack.services.kafka import kafka_services
from infra.stack.services.mariadb import mariadb_service
from infra.stack.services.registry import registry_service
from infra.stack.state import forget_addresses, write_addresses
from infra.stack.status import StackStatus, service_states

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from infra.stack.services.control import Running
    from infra.stack.services.service import Service
    from infra.stack.state import Addresses

_STOP_SECONDS = 20.0  #: for each of the three steps of `down`
_HINT = "Free some space, or name a directory that you may write to with --dir."
_NEW_DATA = 700 * preflight.MIB  #: what a fresh stack writes: above all the database's log
_MORE_DATA = 100 * preflight.MIB
_OTHER_PROGRAMS = (
    "still runs on the programs of another version of rtpipe; "
    "rtpipe infra down, then up, changes to those of this one and keeps the data"
)


def up(directory: Path, options: StackOptions | None = None, *, console: Console | None = None) -> Addresses:
    """Start every service of the stack that does not run. Returns when all services answer.

    A second call changes nothing. After a crash of this command or of a service, it starts what is missing.
    """
    console = console or Console(stderr=True)
    directory = directory.expanduser().absolute()
    options = options or StackOptions()
    preflight.check_machine()
    if stack_layout.load_layout(directory) is None:  # refuses a foreign directory
        _check_room_for_new(directory, options.brokers or 1)
    artifacts = ensure_artifacts(cache_directory(), console)
    with disk_errors(directory, hint=_HINT), _locked(directory, console):
        service_control.end_left_overs(directory)
        layout, services, running = _settle(directory, options, artifacts)
        missing = [service for service in services if service.name not in running]
        if not missing and status(directory).running:
            _say(console, f"the embedded stack in {directory} is up already")
        else:
            _say(console, f"starting the embedded stack in {directory}")
            _check_room(layout, missing)
            _start_all(services, running, console)
        for service in service_control.on_other_programs(services, running):
            _say(console, f"  {service.name}  {_OTHER_PROGRAMS}")
        write_addresses(directory, layout.addresses)
    for name, value in layout.shown.items():
        _say(console, f"  {name:20} {value}")
    return layout.addresses


def down(directory: Path, *, purge: bool = False, console: Console | None = None) -> None:
    """Stop registry, brokers and database. The data stays, unless `purge` is set."""
    console = console or Console(stderr=True)
    directory = directory.expanduser().absolute()
    layout = stack_layout.load_layout(directory)
    if layout is None:
        _say(console, f"there is no embedded stack in {directory}")
        return
    with disk_errors(directory, hint=_HINT), _locked(directory, console):
        service_control.end_left_overs(directory)
        services = _services(layout, artifact_paths(cache_directory()))
        running = service_control.find(services)
        for kind in ("registry", "kafka", "mariadb"):  # a service stops before the services that it uses
            _stop([service for service in services if service.name.startswith(kind)], running, console)
        forget_addresses(directory)
        if purge:
            _purge(directory)
    what = "deleted with its data" if purge else f"down; its data stays in {directory}"
    _say(console, f"the embedded stack is {what}")


def status(directory: Path) -> StackStatus:
    """Ask each service whether it answers; changes nothing."""
    directory = directory.expanduser().absolute()
    layout = stack_layout.load_layout(directory)
    if layout is None:
        return StackStatus(str(directory), (), {})
    services = _services(layout, artifact_paths(cache_directory()))
    return StackStatus(str(directory), service_states(services), layout.shown)


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _locked(directory: Path, console: Console) -> AbstractContextManager[None]:
    """One process at a time changes a stack. A second one says that it waits."""
    return file_lock(
        directory / stack_layout.LOCK,
        lambda: _say(console, f"another command starts or stops the stack in {directory}; waiting for it"),
    )


def _services(layout: StackLayout, artifacts: Artifacts) -> list[Service]:
    return [
        mariadb_service(layout, artifacts.mariadb),
        *kafka_services(layout, artifacts.kafka),
        registry_service(layout, artifacts.registry),
    ]


def _settle(
    directory: Path, options: StackOptions, artifacts: Artifacts
) -> tuple[StackLayout, list[Service], dict[str, Running]]:
    """Layout, services, and which of them run. The layout of a new stack is made and saved."""
    before = stack_layout.load_layout(directory)
    if before is None:
        layout = stack_layout.new_layout(directory, options)
        stack_layout.save_layout(layout)
        _secure(layout)
        return layout, _services(layout, artifacts), {}
    running = service_control.adopt(_services(before, artifacts))
    layout = stack_layout.changed_layout(before, options)
    if not any(name.startswith("kafka") for name in running):
        layout = layout.with_free_controller_ports()
    services = _services(layout, artifacts)
    for old, new in zip(_services(before, artifacts), services, strict=True):
        if old.port != new.port and old.name in running:
            raise StackError(
                f"{old.name} runs on port {old.port}, so it cannot change to {new.port}",
                hint="Take the stack down first: rtpipe infra down.",
            )
    if layout != before:
        stack_layout.save_layout(layout)
    _secure(layout)
    return layout, services, running


def _secure(layout: StackLayout) -> None:
    """What a secure stack and its clients need on disk, as far as it is missing."""
    if layout.secure:
        make_certificates(layout.certificates)
        write_client_files(layout.directory, layout.addresses)


def _check_room_for_new(directory: Path, brokers: int) -> None:
    """Check memory and disk before anything is downloaded."""
    preflight.check_memory(brokers)
    preflight.check_disk(directory, _NEW_DATA, purpose="the embedded stack", hint=_HINT)


def _check_room(layout: StackLayout, missing: Sequence[Service]) -> None:
    """Check disk and ports before the first process starts; memory too, if all services must start."""
    if len(missing) == layout.brokers + 2:
        preflight.check_memory(layout.brokers)
    preflight.check_disk(layout.directory, _MORE_DATA, purpose="the embedded stack", hint=_HINT)
    for service in missing:
        for port, way_out in service.ports.items():
            check_free(port, service.name, way_out)


def _start_all(services: Sequence[Service], running: dict[str, Running], console: Console) -> None:
    """Start all at once. The first failure ends the waiting; the next `up` finds the services that run by then."""
    given_up = threading.Event()

    def bring_up(service: Service) -> None:
        process = running.get(service.name) or service_start.start(
            service, lambda state: lines.set(service.name, state)
        )
        try:
            service_start.await_ready(service, process, given_up)
        except StackError:
            lines.set(service.name, "failed")
            raise
        lines.set(service.name, "ready")

    with (
        ServiceLines(console, [service.name for service in services]) as lines,
        ThreadPoolExecutor(len(services)) as pool,
    ):
        try:
            for one in as_completed([pool.submit(bring_up, service) for service in services]):
                one.result()
        except BaseException:
            given_up.set()
            raise


def _stop(services: Sequence[Service], running: dict[str, Running], console: Console) -> None:
    ours = {running[service.name]: service for service in services if service.name in running}
    killed = service_control.stop(ours, grace=_STOP_SECONDS)
    for process, service in ours.items():
        how = f"killed, since it did not stop in {_STOP_SECONDS:.0f} s" if process in killed else "stopped"
        _say(console, f"  {service.name}  {how}")
    for service in services:
        service_control.forget(service)


def _purge(directory: Path) -> None:
    """Delete the marker last: an interrupted purge leaves a stack, which can be purged again."""
    if not (directory / stack_layout.MARKER).is_file():
        raise NotAStackError(f"{directory} is not an embedded stack", hint="Nothing was deleted.")
    last = [directory / stack_layout.MARKER, directory / stack_layout.LOCK]
    for entry in set(directory.iterdir()) - set(last):
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    for path in last:
        path.unlink(missing_ok=True)
    directory.rmdir()
