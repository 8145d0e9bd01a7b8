"""The exchange of a self client's code for a refresh token, before there is a configuration."""

from syncd.zoho.auth import exchange_code
from syncd.zoho.connect import open_transport
from syncd.zoho.redaction import Secret
from syncd.zoho.regions import custom_region, region


def refresh_token_for(
    *, data_center: str, accounts_url: str, api_url: str, client_id: str, client_secret: str, code: str
) -> str:
    """The refresh token that a code stands for; a code works once and for a few minutes.

    `data_center` is '' when the two URLs are given. GrantRefused, TryLater, Unreachable as Zoho says; ConfigWrong for a
    data centre that is none.
    """
    place = region(data_center) if data_center else custom_region(accounts_url, api_url)
    transport = open_transport(place)
    try:
        consent = exchange_code(
            transport, place, client_id=client_id, client_secret=Secret(client_secret), code=Secret(code)
        )
    finally:
        transport.close()
    return consent.refresh_token.reveal()
