"""TLS, where the receiver terminates it itself."""

import ssl

from receiver.errors import SettingsError
from receiver.settings import Settings


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Make a server's TLS context from the settings; None where they name no certificate.

    Raises:
        SettingsError: certificate or key can't be read, or don't fit each other.
    """
    if settings.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"CLC_TLS_CERT ({settings.tls_cert}) and CLC_TLS_KEY ({settings.tls_key}) can't be used: {error}."
        ) from None
    return context
