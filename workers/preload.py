"""What the forkserver imports once, so that workers share it; imported nowhere else."""

from __future__ import annotations

import gc

import sqlalchemy.dialects.mysql.pymysql  # noqa: F401 - SQLAlchemy imports it only when a URL names it

from workers import consumer_process  # noqa: F401

gc.collect()
gc.freeze()
