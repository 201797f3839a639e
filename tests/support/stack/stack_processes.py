"""The processes of a stack: the database server and the brokers."""

from __future__ import annotations

from pathlib import Path

import psutil
from sqlalchemy.engine import make_url

from infra.stack.state import Addresses


def server_of(addresses: Addresses) -> psutil.Process:
    """The process that listens on the database's port."""
    port = make_url(addresses.admin_database_url).port
    for process in psutil.process_iter(["name"]):
        if process.info["name"] in {"mariadbd", "mysqld", "ld-linux-x86-64.so.2"}:
            listening = [one.laddr.port for one in process.net_connections() if one.status == psutil.CONN_LISTEN]
            if port in listening:
                return process
    raise AssertionError(f"nobody listens on {port}")


def stack_directory(mariadbd: psutil.Process) -> Path:
    [data] = [part for part in mariadbd.cmdline() if part.startswith("--datadir=")]
    return Path(data.removeprefix("--datadir=")).parent.parent


def broker_at(port: int) -> psutil.Process:
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == "java" and port in {one.laddr.port for one in process.net_connections()}:
            listening = [one for one in process.net_connections() if one.status == psutil.CONN_LISTEN]
            if port in {one.laddr.port for one in listening}:
                return process
    raise AssertionError(f"nobody listens on {port}")


def broker_of(addresses: Addresses) -> psutil.Process:
    return broker_at(int(addresses.bootstrap_servers.rpartition(":")[2]))
