"""How busy the database is, and how far its replicas are behind: one question, a new connection for each server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Connection, text
from sqlalchemy.engine import make_url

from rtpipe.errors import RtpipeError
from supervisor.admin.connection import admin_connection
from supervisor.settings.fields.throttle_settings import ThrottleSettings

_DOING = "asking how the database is"
#: How far a replica is behind, as MySQL calls it, and as MariaDB does; None if replication does not run.
_BEHIND = ("Seconds_Behind_Source", "Seconds_Behind_Master")


@dataclass(frozen=True, slots=True)
class HealthSeen:
    """What was found."""

    exceeded: tuple[str, ...] = ()  #: each limit that is exceeded, with its figures
    unknown: tuple[str, ...] = ()  #: what could not be found out, and why


class DatabaseHealth:
    """Asks by the writers' account. No answer is no reason to slow down: it is told, and that is all."""

    def __init__(self, limits: ThrottleSettings, database_url: Callable[[], str], silence: int) -> None:
        """`database_url`: as it is by now. `silence`: seconds until a silent server counts as gone."""
        self._limits = limits
        self._database_url = database_url
        self._silence = silence

    def ask(self) -> HealthSeen:
        """Takes as long as the servers do."""
        exceeded, unknown = list[str](), list[str]()
        for found, known in (*self._threads(), *self._replicas()):
            (exceeded if known else unknown).append(found)
        return HealthSeen(tuple(exceeded), tuple(unknown))

    def _threads(self) -> Iterator[tuple[str, bool]]:
        if (most := self._limits.threads_running) is None:
            return
        try:
            with self._connection(self._url) as connection:
                row = connection.execute(text("SHOW GLOBAL STATUS LIKE 'Threads_running'")).one()
        except RtpipeError as error:
            yield f"threads_running: {error.message}", False
            return
        if int(row[1]) > most:
            yield f"threads_running is {int(row[1])}, limit {most}", True

    def _replicas(self) -> Iterator[tuple[str, bool]]:
        most = self._limits.replica_lag_seconds or 0.0
        for address in self._limits.replicas:
            host, _, port = address.rpartition(":")
            try:
                with self._connection(self._url.set(host=host, port=int(port))) as connection:
                    row: Mapping[Any, Any] = connection.execute(text("SHOW REPLICA STATUS")).mappings().first() or {}
            except RtpipeError as error:
                yield f"replica {address}: {error.message}", False
                continue
            behind = next((row[name] for name in _BEHIND if row.get(name) is not None), None)
            if behind is None:
                yield f"replica {address}: it does not say how far it is behind; replication does not run there", False
            elif float(behind) > most:
                yield f"replica {address} is {float(behind):g} s behind, limit {most:g}", True

    @property
    def _url(self) -> URL:
        return make_url(self._database_url())

    def _connection(self, url: URL) -> AbstractContextManager[Connection]:
        return admin_connection(url.render_as_string(hide_password=False), self._silence, "", _DOING, writes=False)
