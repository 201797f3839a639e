"""Settings as they may be shown: what is a secret, or may be one, is ***."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

from pydantic import SecretStr

from rtpipe.mysql.server_list import without_servers
from supervisor.settings.secrets_in_files import SECRET
from supervisor.settings.settings import Settings

MASK = "***"
#: Properties of Kafka's and the registry's clients whose texts are no secrets. All others may be.
_OPEN = frozenset(
    {
        "broker.address.family",
        "client.id",
        "client.rack",
        "debug",
        "https.ca.location",
        "sasl.mechanism",
        "sasl.mechanisms",
        "sasl.oauthbearer.method",
        "security.protocol",
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.endpoint.identification.algorithm",
        "ssl.key.location",
    }
)
#: Names of accounts: hidden as settings, since one may be a key; looked for nowhere, since other texts have them, too.
_ACCOUNTS = frozenset({"sasl.username", "sasl.oauthbearer.client.id", "bearer.auth.client.id"})
_LOGIN = "basic.auth.user.info"
_SECRET_NAME = re.compile(r"password|secret|token|credential|user|auth|key|pem|jaas", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,6})?|true|false")


def shown_setting(name: str, value: Any) -> Any:
    """The value of a setting, or of `block.property`, without what may be secret in it; as JSON has it."""
    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        return shown_url(secret) if name.endswith("_url") or not secret else MASK
    _, point, key = name.partition(".")
    if point and key not in _OPEN and (_SECRET_NAME.search(key) or not _NUMBER.fullmatch(str(value))):
        return MASK
    return str(value) if isinstance(value, Path) else value


def shown_url(url: str) -> str:
    """Server, user and path of a URL; password and all values behind a question mark are ***."""
    if not url:
        return ""
    servers, url = without_servers(url)
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    except ValueError:
        return MASK
    if not parts.scheme or not parts.netloc:
        return MASK
    login = ""
    if "@" in parts.netloc:
        login = f"{MASK}@" if parts.password is None else f"{parts.username}:{MASK}@"  # a name alone may be a token
    query = "&".join(f"{pair.partition('=')[0]}={MASK}" for pair in parts.query.split("&") if pair)
    return f"{parts.scheme}://{login}{','.join(servers) or host + port}{parts.path}{'?' if query else ''}{query}"


def secrets_of(settings: Settings) -> set[str]:
    """The texts that `shown_setting` hides: to be looked for where they should not be. A login's password is one."""
    found = set[str]()
    for name in SECRET:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            text = value.get_secret_value()
            found |= _secrets_of_url(text) if name.endswith("_url") else {text}
        else:
            hidden = {key: text for key, text in value.items() if shown_setting(f"{name}.{key}", text) == MASK}
            found |= {text for key, text in hidden.items() if key not in _ACCOUNTS}
            found.add(hidden.get(_LOGIN, "").partition(":")[2])
    return found - {""}


def _secrets_of_url(url: str) -> set[str]:
    """As they stand in the URL, and as they are meant."""
    try:
        parts = urlsplit(without_servers(url)[1])
        password = parts.password
    except ValueError:
        return {url}
    if not parts.netloc:
        return {url}
    alone = parts.username if password is None else None
    behind = (pair.partition("=")[2] for pair in parts.query.split("&"))
    written = [password or alone or "", *(text for text in behind if not _NUMBER.fullmatch(text))]
    return {form for text in written for form in (text, unquote(text), unquote_plus(text))}
