"""The three accounts of the database that the settings name."""

from __future__ import annotations

from infra.provision.accounts import Accounts, accounts_of
from supervisor.settings.settings import Settings


def accounts(settings: Settings) -> Accounts:
    """The accounts; SettingsError if they do not agree on one database."""
    urls = (settings.database_url, settings.infra_database_url, settings.admin_database_url)
    consumer, infra, admin = (url.get_secret_value() for url in urls)
    return accounts_of(consumer, infra or None, admin or None, infra_file=settings.infra_url_file)
