"""What we ask of django-oauth-toolkit: all that RFC 9700 recommends, and our actions as scopes."""

from typing import Any

from accounts.policy import Action
from accounts.policy_table import MEANINGS

GRANTS = ("authorization-code", "client-credentials")
"""What an application may be for; the others are out of use, or need a page for a device."""

RFC_9700 = (
    "IMPLICIT_GRANT",
    "PASSWORD_GRANT",
    "PKCE_METHOD",
    "ACCESS_TOKEN_TRANSPORT",
    "AUTHZ_RESPONSE_ISS",
    "TOKEN_STORAGE",
    "REFRESH_TOKEN",
    "REDIRECT_URI_MATCHING",
    "PKCE_REQUIRED",
)


def provider_settings(*, access_s: int, refresh_s: int, https_only: bool) -> dict[str, Any]:
    """The setting OAUTH2_PROVIDER. Tokens are stored as hashes; a refresh token that comes back
    ends its family; `plain` PKCE, the implicit grant and passwords are refused.
    """
    return {
        "OAUTH2_VALIDATOR_CLASS": "accounts.oauth.Validator",
        "SCOPES": {action.value: text for action, text in MEANINGS.items()},
        "CLIENT_SECRET_HASHER": "pbkdf2_sha256_random",
        "DEFAULT_SCOPES": [Action.ME.value],
        "ACCESS_TOKEN_EXPIRE_SECONDS": access_s,
        "REFRESH_TOKEN_EXPIRE_SECONDS": refresh_s,
        "REFRESH_TOKEN_REUSE_PROTECTION": True,
        # A developer's own machine has no certificate.
        "ALLOWED_REDIRECT_URI_SCHEMES": ["https"] if https_only else ["https", "http"],
        "OAUTH2_RESPONSE_TYPES_SUPPORTED": ["code"],
        "OAUTH2_GRANT_TYPES_SUPPORTED": [
            "authorization_code",
            "client_credentials",
            "refresh_token",
        ],
        **{f"COMPLIANT_BCP_RFC9700_{name}": True for name in RFC_9700},
        "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": https_only,
    }
