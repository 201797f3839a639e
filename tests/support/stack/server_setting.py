"""Another value of a server-wide setting for a while, on a server that no other test process uses."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.support.pipeline.raw_clients import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.pipeline.pipeline import Pipeline


#: Servers that other test processes use, too, by the URL of their administrator.
SHARED: set[str] = set()


@contextlib.contextmanager
def server_setting(admin_url: str, name: str, value: object) -> Iterator[None]:
    """Sessions that begin meanwhile get `value`: with the fixture `own_database`, not with `database` or `stack`."""
    assert admin_url not in SHARED, "other tests use this server, too: take the fixture own_database"
    with contextlib.closing(connect(admin_url)) as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT @@GLOBAL.{name}")
        [before] = cursor.fetchone() or (None,)
        cursor.execute(f"SET GLOBAL {name} = {value}")
        try:
            yield
        finally:
            cursor.execute(f"SET GLOBAL {name} = %s", (before,))


def small_packets(pipeline: Pipeline, size: int) -> contextlib.AbstractContextManager[None]:
    """Sessions that begin meanwhile take no packet larger than `size`."""
    return server_setting(pipeline.addresses.admin_database_url, "max_allowed_packet", size)
