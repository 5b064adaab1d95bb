"""The TLS context of one cluster: its own certificate authority, and nobody else's."""

import ssl


def trusting(authority: str) -> ssl.SSLContext:
    """A context that trusts one certificate authority, and checks the host's name.

    Since Python 3.13 `ssl.create_default_context` demands key identifiers (``VERIFY_X509_STRICT``), and so does urllib3
    for contexts that it makes itself. Certificate authorities of older EKS clusters have none
    (https://github.com/kubernetes-client/python/issues/2394), so this one rule of RFC 5280 is not enforced.

    Args:
        authority: Its certificates in PEM.

    Raises:
        ssl.SSLError: It cannot be read.
        ValueError: There is nothing in it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which requires a certificate and checks its name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.load_verify_locations(cadata=authority)
    return context
