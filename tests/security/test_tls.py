"""What a database URL says of TLS is what happens, on a real MySQL whose certificates are of its own making (F31)."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy.engine import make_url

from rtpipe.mysql.engine import bare_connection, mysql_engine
from rtpipe.mysql.tls import tls_options
from tests.support.pipeline.raw_clients import connect
from tests.support.stack.mysql_server import MysqlServer


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The certificate of an authority that nobody knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody's authority")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "ca.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("more", "verified", "by_name"),
    [
        ({}, True, True),
        ({"ssl_verify_identity": "true"}, True, True),
        ({"ssl_verify_identity": "false"}, True, False),
        ({"ssl_check_hostname": "no"}, True, False),
        ({"ssl_verify_cert": "false"}, False, False),
    ],
)
def test_an_authority_is_asked_as_the_url_says(
    authority: Path, more: dict[str, str], verified: bool, by_name: bool
) -> None:
    context = tls_options({"ssl_ca": str(authority)} | more)["ssl"]
    assert (context.verify_mode, context.check_hostname) == (
        ssl.CERT_REQUIRED if verified else ssl.CERT_NONE,
        by_name,
    )
    assert len(context.get_ca_certs()) == verified  # ours, and not the system's


@pytest.mark.parametrize("word", ["ssl_verify_identity", "ssl_verify_cert"])
def test_without_an_authority_the_systems_are_asked(word: str) -> None:
    context = tls_options({word: "true"})["ssl"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_no_word_of_tls_and_a_word_against_it() -> None:
    assert tls_options({}) == tls_options({"ssl_disabled": "false"}) == {}
    assert tls_options({"ssl_disabled": "true", "ssl_ca": "/nowhere.pem"}) == {"ssl_disabled": True}


def cipher(url: str) -> str:
    """What the connection is encrypted with; by a bare one and by SQLAlchemy's."""
    where = make_url(url)
    connection = bare_connection(where)
    with connection, connection.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        bare = str((cursor.fetchone() or ("", ""))[1])
    with mysql_engine(where).connect() as other:
        assert (str(other.exec_driver_sql("SHOW STATUS LIKE 'Ssl_cipher'").one()[1]) == "") is (bare == "")
    return bare


def test_the_servers_certificate_is_checked_by_its_own_authority_alone(mysql: MysqlServer, authority: Path) -> None:
    with connect(mysql.admin_url) as plain, plain.cursor() as cursor:
        cursor.execute("SELECT @@datadir, @@ssl_ca")
        own = Path(*map(str, cursor.fetchone() or ()))
    assert cipher(mysql.admin_url) != ""
    assert cipher(f"{mysql.admin_url}?ssl_disabled=true") == ""
    assert cipher(f"{mysql.admin_url}?ssl_ca={own}&ssl_verify_identity=false") != ""
    for refused in (
        f"ssl_ca={authority}&ssl_verify_identity=false",
        f"ssl_ca={own}",  # MySQL's certificate names no host
        f"ssl_ca={own}&ssl_verify_identity=true",
        "ssl_verify_identity=true",
    ):
        with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
            cipher(f"{mysql.admin_url}?{refused}")
