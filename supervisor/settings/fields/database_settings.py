"""The database: three accounts, and when it counts as gone."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr, field_validator


class DatabaseSettings(BaseModel):
    """URLs of SQLAlchemy's form, `mysql+pymysql://user:password@host:3306/bank`."""

    database_url: SecretStr = Field(SecretStr(""), description="the writers' account")
    infra_database_url: SecretStr = Field(SecretStr(""), description="makes and alters tables; default: the writers'")
    admin_database_url: SecretStr = Field(SecretStr(""), description="makes the database and the accounts")
    database_seconds: int = Field(20, ge=2, le=3_600, description="a database silent for so long counts as gone")

    @field_validator("database_url", "infra_database_url", "admin_database_url")
    @classmethod
    def _mysql_url(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if not text:
            return value
        from rtpipe.mysql.engine import mysql_url  # noqa: PLC0415 - half of the time that `rtpipe status` would take

        return SecretStr(mysql_url(text).render_as_string(hide_password=False))

    @property
    def database_place(self) -> str:
        """Servers, with their ports, and name of the database, without a login."""
        from sqlalchemy.engine import make_url  # noqa: PLC0415 - as above

        from rtpipe.mysql.servers import address_of  # noqa: PLC0415

        where = make_url(self.database_url.get_secret_value())
        return f"{address_of(where)}/{where.database}"

    @property
    def infra_url(self) -> str:
        """The account that reads and alters tables; the writers' own where no other was given."""
        return self.infra_database_url.get_secret_value() or self.database_url.get_secret_value()
