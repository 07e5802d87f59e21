"""Whose signed tokens are accepted besides our own: as the configuration declares it."""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from accounts.policy import SiteRole

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
"""With a public key to check: no shared secret, and never `none`."""

LOCAL = ("localhost", "127.0.0.1", "::1")


class Issuer(BaseModel):
    """One issuer: where its keys are, and how its claims name users, roles and scopes.

    A caller is known by `subject_claim`, which an administrator has linked to a user; with
    `create_users` a subject who was never seen before gets a user of its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(min_length=1, max_length=255)
    audience: str = Field(min_length=1)
    jwks_url: str | None = None
    jwks_file: Path | None = None
    algorithms: list[Algorithm] = Field(["RS256", "ES256"], min_length=1)
    subject_claim: str = Field("sub", min_length=1)
    username_claim: str = Field("sub", min_length=1)
    scope_claim: str | None = None
    role_claim: str | None = None
    roles: dict[str, SiteRole] = {}
    create_users: bool = False

    @model_validator(mode="after")
    def keys_are_somewhere(self) -> Self:
        """Exactly one place, and one that nobody on the way can change."""
        if (self.jwks_url is None) == (self.jwks_file is None):
            raise ValueError("needs either jwks_url or jwks_file")
        if self.jwks_file is not None and not self.jwks_file.is_file():
            raise ValueError(f"there is no file {str(self.jwks_file)!r}")
        if self.jwks_url is not None:
            parts = urlsplit(self.jwks_url)
            if parts.scheme != "https" and parts.hostname not in LOCAL:
                raise ValueError("jwks_url must be https")
        if bool(self.roles) != (self.role_claim is not None):
            raise ValueError("role_claim and roles go together")
        return self


def check_issuers(issuers: list[Issuer], *, own: str) -> None:
    """Raises ValueError where two have one name: whose keys were to be asked?"""
    names = [issuer.issuer for issuer in issuers]
    if len({*names, own}) <= len(names):
        raise ValueError("two issuers have the same name")
