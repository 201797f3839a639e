"""What OpenSSL says, in words that tell whose certificate is wrong and which setting helps."""

from __future__ import annotations

import pytest

from rtpipe.errors import ExitCode
from rtpipe.tls_trouble import OF_DATABASE, OF_KAFKA, OF_REGISTRY, TlsError, tls_trouble

FAILED = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"


@pytest.mark.parametrize(
    ("said", "what", "hint"),
    [
        (f"{FAILED}: certificate has expired (_ssl.c:1032)", "its certificate has expired", "a new one"),
        (f"{FAILED}: certificate is not yet valid", "is not valid yet", "clock"),
        (f"{FAILED}: Hostname mismatch, certificate is not valid for 'db'", "another host name", "subjectAltName"),
        (f"{FAILED}: IP address mismatch, certificate is not valid for '1.2.3.4'", "another host name", "name"),
        (f"{FAILED}: unable to get local issuer certificate", "authority that is not trusted", "ssl_ca in"),
        (f"{FAILED}: self-signed certificate in certificate chain", "authority that is not trusted", "ssl_ca in"),
        (f"{FAILED}: certificate signature failure", "not of the authority", "ssl_ca in"),
        (f"{FAILED}: something new", "could not be verified", "ssl_ca in"),
        (
            "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required",
            "wants a certificate",
            "ssl_cert",
        ),
        ("[SSL: SSLV3_ALERT_CERTIFICATE_EXPIRED] ssl/tls alert certificate expired", "our certificate has", "ssl_cert"),
        ("Receive failed: error:0A000416:SSL routines::ssl/tls alert certificate unknown", "refuses our", "ssl_cert"),
        ("[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca", "does not trust the authority of our", "ssl_cert"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1)", "speaks no TLS", "port"),
    ],
)
def test_each_reason_has_its_words(said: str, what: str, hint: str) -> None:
    found = tls_trouble(f'(2003, "Can\'t connect ({said})")', OF_DATABASE)
    assert found is not None
    assert (what in found.what, hint in found.hint) == (True, True), found


@pytest.mark.parametrize("said", ["", "Connection refused", "a mismatch of something", "[SSL] internal error"])
def test_what_is_not_about_certificates_has_none(said: str) -> None:
    assert tls_trouble(said, OF_KAFKA) is None


def test_each_link_names_its_own_settings() -> None:
    hints = [tls_trouble(f"{FAILED}: self-signed certificate", link) for link in (OF_KAFKA, OF_REGISTRY, OF_DATABASE)]
    assert len({found.hint for found in hints if found is not None}) == 3
    assert (TlsError.name, TlsError("x").exit_code) == ("E_TLS", ExitCode.UNREACHABLE)
