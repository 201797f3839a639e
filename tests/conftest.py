"""For all tests: none sees the caller's settings or running stack, and no skip goes unseen in CI.

RTPIPE_NO_SKIPS=1, which `.ci/run` sets, turns a skip into a failure with the same reason: there, a test that silently
does not run is worse than one that fails. It rules integration, crash, security and wheel, and unit tests marked
`no_skip`.
"""

from __future__ import annotations

import contextlib
import getpass
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.event_table import problem_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

pytest_plugins = [
    "pytester",
    "tests.support.browser",
    "tests.support.command_answers",
    "tests.support.samples.examined",
    "tests.support.stack.kafka_tools",
    "tests.support.stack.mysql_server",
    "tests.support.stack.stack",
    "tests.support.pipeline.provisioned",  # after the stacks that it uses
]

# The machine may be busy with anything: how long an example takes says nothing.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

KEPT = {
    "RTPIPE_NO_SKIPS",
    "RTPIPE_CACHE_DIR",
    "RTPIPE_PICTURES",
    "RTPIPE_TEST_PAGE",
    "RTPIPE_PROMOTIONS",
    "RTPIPE_SCHEDULES",
    "RTPIPE_DIFFERENTIAL_ROWS",
    "RTPIPE_DIFFERENTIAL_SEED",
}
#: Properties of tests that are printed: of others' files (tests/support/samples/avro/foreign_avro.py), and of the page.
TOLD = {"files checked", "a kill is shown after", "200 partitions"}
MUST_RUN = {"integration", "crash", "security", "wheel"}
#: Modules whose tests run against MySQL in `make faults` only, unless they are marked `both_servers`; in `make test`
#: MariaDB stands for both.
MYSQL_IN_FAULTS = {
    "test_any_schema.py",
    "test_columns.py",
    "test_dead_letters.py",
    "test_evolution.py",
    "test_foreign_avro.py",
    "test_kills.py",
    "test_dead_letter_commands.py",
    "test_modes.py",
    "test_people_tables.py",
    "test_retries.py",
    "test_setup.py",
    "test_table_command.py",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-table", metavar="FILE", help="write the table of all fault tests into this file")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "faults: the long fault suite, which `make faults` runs")
    config.addinivalue_line("markers", "both_servers: what the servers do differs, so it runs on both in `make test`")
    config.addinivalue_line("markers", "no_skip: must run in CI, like all of integration, crash, security and wheel")
    for name in [name for name in os.environ if name.startswith("RTPIPE_") and name not in KEPT]:
        del os.environ[name]
    if not hasattr(config, "workerinput"):
        make_own_temporary_directory(config)
    os.environ["XDG_DATA_HOME"] = str(config.rootpath / ".pytest_cache" / "no-stack-here")


@pytest.fixture(autouse=True)
def _events_as_documented(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test lets the code log has the level and the fields that the table of events says."""
    problems: set[str] = set()
    handle = logging.Logger.handle

    def look_and_handle(self: logging.Logger, record: logging.LogRecord) -> None:
        problems.add(problem_of(record))
        handle(self, record)

    monkeypatch.setattr(logging.Logger, "handle", look_and_handle)
    yield
    assert not problems - {""}, "docs/operations.md, the table of events"


def make_own_temporary_directory(config: pytest.Config) -> None:
    """What killed processes leave in /tmp, such as sockets, goes with the run; pytest's own folders stay there."""
    usual = tempfile.gettempdir()
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", usual)
    os.environ["TMPDIR"] = own = tempfile.mkdtemp(prefix="rt-")  # short: a socket's path has 100 characters at most
    tempfile.tempdir = None

    def clean_up() -> None:
        shutil.rmtree(own, ignore_errors=True)
        with contextlib.suppress(OSError):  # folders of tests that failed
            (Path(usual) / f"pytest-of-{getpass.getuser()}").rmdir()

    config.add_cleanup(clean_up)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        parameters = vars(item).get("callspec")
        on_mysql = parameters is not None and "MySQL" in parameters.params.values()
        if on_mysql and item.path.name in MYSQL_IN_FAULTS and not item.get_closest_marker("both_servers"):
            item.add_marker(pytest.mark.faults)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What tests counted or measured, and do not assert."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name in TOLD:
                terminalreporter.write_line(f"{report.nodeid.partition('::')[2]}: {value}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and must_run(item):
        fail_instead(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and must_run(collector):
        fail_instead(report)
    return report


def must_run(node: pytest.Item | pytest.Collector) -> bool:
    """Whether a skip of this test, or of the module that was to be collected, counts as a failure in this run."""
    if os.environ.get("RTPIPE_NO_SKIPS", "") in {"", "0"}:
        return False
    return node.get_closest_marker("no_skip") is not None or not MUST_RUN.isdisjoint(node.path.parts)


def fail_instead(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Keep the reason that the skip gave."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"not run, and RTPIPE_NO_SKIPS=1 forbids that: {reason}"
