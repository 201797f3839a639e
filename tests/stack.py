"""One real embedded stack for a test session, shared by integration and crash tests."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from infra.embedded_stack import down, up
from infra.errors import PlatformError, PreflightError
from infra.stack_layout import Wishes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.stack_state import Addresses


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """Broker, registry and database, up for the whole session."""
    with running_stack(tmp_path_factory.mktemp("stack")) as addresses:
        yield addresses


@contextlib.contextmanager
def running_stack(directory: Path, *, brokers: int | None = None) -> Iterator[Addresses]:
    """A stack in `directory`, which must be empty or new; its programs come from the user's shared cache."""
    try:
        addresses = up(directory, Wishes(brokers=brokers))
        yield addresses
    except (PlatformError, PreflightError) as exc:
        pytest.skip(f"no embedded stack here: {exc.message} {exc.hint}")
    finally:
        down(directory, purge=True)
