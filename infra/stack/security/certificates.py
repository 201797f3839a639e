"""An authority of a stack's own, and the certificates that it issues; each with its key in one file, so that both are
replaced in one step.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.stack.ports import HOST
from infra.stack.state import write_private_bytes

#: Files in the folder of a stack's certificates.
AUTHORITY, AUTHORITY_KEY, SERVER, CLIENT = "ca.pem", "ca.key", "server.pem", "client.pem"
_LIFE = dt.timedelta(days=3_650)  # a stack is for trials, and nobody should have to renew them
_A_DAY = dt.timedelta(days=1)  # clocks differ


@dataclasses.dataclass(frozen=True, slots=True)
class Authority:
    """Certificate and key of an authority."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def issue(self, name: str, hosts: Sequence[str] = (), *, life: dt.timedelta = _LIFE) -> bytes:
        """Key and certificate, as PEM, of a client, and of a server that is found at `hosts`: names and IP addresses.

        `life`: from now on; below zero: it has ended already.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _begun(name, self.certificate.subject, key.public_key(), life)
        usage = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]  # brokers are clients of brokers
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        known = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(known, critical=False)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(list(map(_host, hosts))), critical=False)
        return _pem_of_key(key) + _pem(builder.sign(self.key, hashes.SHA256()))

    @property
    def pem(self) -> bytes:
        """The certificate that clients trust."""
        return _pem(self.certificate)


def new_authority(name: str) -> Authority:
    """One that nobody knows yet."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _begun(name, _named(name), key.public_key(), _LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return Authority(builder.add_extension(_SIGNS, critical=True).sign(key, hashes.SHA256()), key)


def make_certificates(folder: Path) -> None:
    """The certificates of a new stack. A stack that has some keeps them."""
    if (folder / CLIENT).exists():  # the last that is written
        return
    authority = new_authority("rtpipe embedded stack")
    write_private_bytes(folder / AUTHORITY, authority.pem)
    write_private_bytes(folder / AUTHORITY_KEY, _pem_of_key(authority.key))
    write_private_bytes(folder / SERVER, authority.issue("server", [HOST]))
    write_private_bytes(folder / CLIENT, authority.issue("client"))


_SIGNS = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


def _begun(name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: dt.timedelta) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    begin = min(now, now + life) - _A_DAY
    builder = x509.CertificateBuilder(issuer, _named(name), key, x509.random_serial_number(), begin, now + life)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
