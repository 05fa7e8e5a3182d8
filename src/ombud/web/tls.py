"""TLS: what the API's port needs to speak it, checked before anything is started."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from ombud.core.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files: certificate with its chain, its key, and who signs client certificates."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return what a server speaks TLS with; raises `SettingsError`.

        A client certificate is asked for and need not be given: tokens go on working.
        One that is given and not signed by `client_ca` ends the connection.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"no certificate with its key: {_said(error)}",
                origin="server.tls",
                hint="both as PEM, the key without a password",
            ) from error
        if self.client_ca is not None:
            try:
                context.load_verify_locations(self.client_ca)
            except (OSError, ssl.SSLError) as error:
                raise SettingsError(
                    f"no certificates of who signs client certificates: {_said(error)}",
                    origin="server.tls.client_ca",
                ) from error
            context.verify_mode = ssl.CERT_OPTIONAL
        return context


def _no_password() -> str:
    raise SettingsError("the key has a password", origin="server.tls.key", hint="remove it")


def _said(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()


def tls_of(*, certificate: str, key: str, client_ca: str) -> Tls | None:
    """Return what the settings say, None for a server without TLS; raises `SettingsError`."""
    if not certificate and not key and not client_ca:
        return None
    if not certificate or not key:
        raise SettingsError(
            "TLS needs both a certificate and its key",
            origin="server.tls",
            hint="set `server.tls.certificate` and `server.tls.key`",
        )
    return Tls(Path(certificate), Path(key), Path(client_ca) if client_ca else None)
