"""What can go wrong with the embedded stack.

StackError                     the embedded stack cannot do what was asked
├── PlatformError              this machine cannot run it at all
├── PreflightError             a library, memory or an extra is missing: nothing was started
├── DiskFullError              no room for downloads or data
├── DownloadError              a file cannot be had, or is not the one that was locked
├── PortInUseError             another program has the port
├── ServiceDiedError           a service ended although nobody stopped it
├── ServiceSlowError           a service runs, but does not answer in time
└── NotAStackError             the directory holds something else
"""

from __future__ import annotations

from rtpipe.errors import ExitCode, RtpipeError

ELSEWHERE = (
    "Run the services with Docker instead (compose.yaml), or point rtpipe at servers you have: "
    "RTPIPE_BOOTSTRAP_SERVERS, RTPIPE_SCHEMA_REGISTRY_URL and RTPIPE_DATABASE_URL."
)


class StackError(RtpipeError):
    """The embedded stack cannot do what was asked."""

    name = "E_STACK"
    exit_code = ExitCode.UNREACHABLE


class PlatformError(StackError):
    """The bundled servers were built for another kind of machine."""

    name = "E_PLATFORM"
    exit_code = ExitCode.USAGE


class PreflightError(StackError):
    """Something that the servers need is missing; nothing was downloaded or started."""

    name = "E_PREFLIGHT"
    exit_code = ExitCode.USAGE


class DiskFullError(StackError):
    """There is no room left on a disk."""

    name = "E_DISK_FULL"


class DownloadError(StackError):
    """A locked file cannot be downloaded."""

    name = "E_DOWNLOAD"


class PortInUseError(StackError):
    """Another program has the port."""

    name = "E_PORT_IN_USE"
    exit_code = ExitCode.USAGE


class ServiceDiedError(StackError):
    """A service ended although nobody stopped it."""

    name = "E_SERVICE_DIED"


class ServiceSlowError(StackError):
    """A service runs but does not answer."""

    name = "E_SERVICE_SLOW"


class NotAStackError(StackError):
    """The directory holds something else than an embedded stack."""

    name = "E_NOT_A_STACK"
    exit_code = ExitCode.USAGE
