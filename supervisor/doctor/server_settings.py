"""Settings of the database server, judged; pure. Those of a session are not here: rtpipe sets these itself."""

from __future__ import annotations

from collections.abc import Mapping

from supervisor.doctor.finding import Finding, failure, fine, warning

#: What is asked of the server; a variable that it does not have is left out of its answer.
ASKED = (
    "version",
    "sync_binlog",
    "log_bin",
    "binlog_format",
    "innodb_flush_log_at_trx_commit",
    "max_allowed_packet",
    "local_infile",
    "read_only",
    "max_connections",
    "max_user_connections",
    "wsrep_on",
)
#: The oldest versions whose documents rtpipe was written by, for MariaDB or not.
_OLDEST = {True: (10, 6), False: (8, 0)}
#: Connections beside those of the writers: the supervisor's, and one for a person.
_BESIDE = 4


def judged(values: Mapping[str, str], *, partitions: int, batch_bytes: int, loads: bool) -> list[Finding]:
    """`loads`: LOAD DATA would be used. `partitions`: as many writers connect. `batch_bytes`: of the largest batch."""
    return [
        _version(values["version"]),
        _read_only(values),
        _flush(values),
        *_binary_log(values),
        _packet(int(values["max_allowed_packet"]), batch_bytes),
        _local_infile(values, loads=loads),
        *_galera(values),
        *_connections(values, partitions),
    ]


def _on(values: Mapping[str, str], name: str) -> bool:
    return values.get(name, "OFF").upper() in {"1", "ON"}


def _version(text: str) -> Finding:
    mariadb = "mariadb" in text.lower()
    product = "MariaDB" if mariadb else "MySQL"
    oldest = _OLDEST[mariadb]
    try:
        major, minor = (int(part) for part in text.split(".")[:2])
    except ValueError:
        return fine("version", f"{product} {text}")
    if (major, minor) >= oldest:
        return fine("version", f"{product} {text}")
    return warning(
        "version",
        f"{product} {text}",
        "rtpipe was never run with a version so old",
        f"use {product} {oldest[0]}.{oldest[1]} or newer",
    )


def _read_only(values: Mapping[str, str]) -> Finding:
    if values.get("read_only", "OFF").upper() in {"0", "OFF"}:
        return fine("read_only", "OFF")
    return failure(
        "read_only",
        values["read_only"],
        "this is a replica, or a primary that was demoted: writers wait until it takes rows",
        "let RTPIPE_DATABASE_URL name the primary",
    )


def _flush(values: Mapping[str, str]) -> Finding:
    name, value = "innodb_flush_log_at_trx_commit", values["innodb_flush_log_at_trx_commit"]
    if value == "1":
        return fine(name, value)
    return warning(
        name,
        value,
        "a crash can lose the commits of the last second",
        f"SET GLOBAL {name} = 1;  -- and in the server's file",
    )


def _binary_log(values: Mapping[str, str]) -> list[Finding]:
    if not _on(values, "log_bin"):
        return [fine("log_bin", "OFF, so sync_binlog and binlog_format do not matter")]
    sync, form = values["sync_binlog"], values["binlog_format"]
    synced = (
        fine("sync_binlog", sync)
        if sync == "1"
        else warning(
            "sync_binlog",
            sync,
            "after a crash of the machine the binary log, and each replica, may lack commits that rtpipe counted",
            "SET GLOBAL sync_binlog = 1;  -- and in the server's file",
        )
    )
    if form.upper() != "STATEMENT":
        return [synced, fine("binlog_format", form)]
    return [
        synced,
        failure(
            "binlog_format",
            form,
            "InnoDB refuses every row: rtpipe's transactions are READ COMMITTED",
            "SET GLOBAL binlog_format = 'ROW';  -- and in the server's file",
        ),
    ]


def _packet(packet: int, batch_bytes: int) -> Finding:
    found = f"{packet:,} bytes"
    if packet >= batch_bytes:
        return fine("max_allowed_packet", found)
    return warning(
        "max_allowed_packet",
        found,
        f"less than batch_bytes ({batch_bytes:,}): a batch needs several statements, and a larger row is a dead letter",
        f"SET GLOBAL max_allowed_packet = {max(64 << 20, batch_bytes)};  -- and in the server's file",
    )


def _local_infile(values: Mapping[str, str], *, loads: bool) -> Finding:
    if _on(values, "local_infile") or not loads:
        return fine("local_infile", values.get("local_infile", "not known to this server"))
    return warning(
        "local_infile",
        "OFF",
        "the fast path is installed, but its rows go by INSERT, which is slower",
        "SET GLOBAL local_infile = 1;  -- and in the server's file",
    )


def _galera(values: Mapping[str, str]) -> list[Finding]:
    if not _on(values, "wsrep_on"):
        return []
    return [
        warning(
            "wsrep_on",
            "ON: a node of a Galera cluster",
            "named locks are of one node, so two supervisors on different nodes do not see each other, until the epoch"
            " shuts one out; commits may be refused for a conflict, and are retried",
            "let all URLs of rtpipe name the same node",
        )
    ]


def _connections(values: Mapping[str, str], partitions: int) -> list[Finding]:
    needed = partitions + _BESIDE
    findings = []
    for name in ("max_connections", "max_user_connections"):
        most = int(values.get(name, "0"))
        if not most:
            continue
        found = f"{most:,}, and {needed:,} are needed for {partitions:,} partitions"
        findings.append(
            fine(name, found)
            if needed <= most
            else failure(
                name,
                found,
                "some writers get no connection",
                f"SET GLOBAL {name} = {needed * 2};  -- and in the server's file",
            )
        )
    return findings
