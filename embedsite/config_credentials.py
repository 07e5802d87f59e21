"""The options of credentials besides API tokens, and of logging in."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator
from pydantic_settings import NoDecode

from accounts.issuer import Issuer, check_issuers
from embedsite.config_rules import parse_json, split_commas

DAY_S = 86_400


class CredentialOptions(BaseModel):
    """A part of Config, in a file of its own."""

    jwt: bool = Field(
        default=False,
        description="Give signed tokens for a password at `/v1/auth/token`, and accept them.",
    )
    jwt_key_file: Path | None = Field(
        None,
        description="PEM file of the private key that signs our tokens: Ed25519, EC P-256, or RSA"
        " from 2048 bits.",
    )
    jwt_old_key_files: Annotated[list[Path], NoDecode] = Field(
        [],
        description="PEM files of earlier keys, private or public, separated by commas: what they"
        " signed is good until it expires.",
    )
    jwt_issuer: str = Field(
        "embedding-service",
        min_length=1,
        max_length=255,
        description="Who our signed tokens are from and for: their `iss` and `aud`.",
    )
    jwt_access_s: int = Field(
        300, ge=10, le=3600, description="Seconds that a signed access token is good for."
    )
    jwt_refresh_s: int = Field(
        14 * DAY_S,
        ge=60,
        le=366 * DAY_S,
        description="Seconds without a refresh after which a login ends.",
    )
    jwt_issuers: Annotated[list[Issuer], NoDecode] = Field(
        [],
        description="Whose signed tokens are accepted besides our own, as a JSON list; in TOML"
        " `[[jwt_issuers]]`.",
    )
    oauth: bool = Field(
        default=False,
        description="Be an OAuth 2.0 server at `/oauth/` for applications made in the console, and"
        " accept its tokens.",
    )
    oauth_access_s: int = Field(
        3600, ge=60, le=DAY_S, description="Seconds that an OAuth access token is good for."
    )
    oauth_refresh_s: int = Field(
        14 * DAY_S, ge=60, le=366 * DAY_S, description="Seconds that an OAuth refresh token lives."
    )
    tls_cert_file: Path | None = Field(
        None, description="PEM file of the certificate chain; with it `serve` speaks HTTPS alone."
    )
    tls_key_file: Path | None = Field(
        None, description="PEM file of the certificate's private key."
    )
    tls_client_ca_file: Path | None = Field(
        None, description="PEM file of the authorities whose client certificates are accepted."
    )
    mtls: Literal["off", "direct", "proxy"] = Field(
        "off",
        description="Client certificates as credentials: of our own TLS, or as a trusted proxy has"
        " checked them and tells in a header.",
    )
    mtls_header: str = Field(
        "Client-Cert",
        pattern=r"^[A-Za-z][A-Za-z0-9-]*$",
        description="Header with the checked certificate, as in RFC 9440 or as escaped PEM.",
    )
    admin_otp: Literal["off", "optional", "required"] = Field(
        "off",
        description="Second factor of logins with a password: `optional` asks those who have one,"
        " `required` refuses those who have none.",
    )
    login_attempts: int = Field(
        5, ge=1, le=1000, description="Wrong passwords after which a user is locked at an address."
    )
    login_lock_s: int = Field(900, ge=1, le=DAY_S, description="Seconds that such a lock lasts.")
    admin_session_s: int = Field(
        8 * 3600, ge=60, le=31 * DAY_S, description="Seconds after which the console asks again."
    )

    _commas_of_keys = field_validator("jwt_old_key_files", mode="before")(split_commas)
    _json_of_issuers = field_validator("jwt_issuers", mode="before")(parse_json)

    @field_validator(
        "jwt_key_file", "tls_cert_file", "tls_key_file", "tls_client_ca_file", mode="after"
    )
    @classmethod
    def file_is_there(cls, value: Path | None) -> Path | None:
        return value and _existing(value)

    @field_validator("jwt_old_key_files")
    @classmethod
    def files_are_there(cls, value: list[Path]) -> list[Path]:
        return [_existing(file) for file in value]

    @model_validator(mode="after")
    def keys_are_of_use(self) -> Self:
        if self.jwt_key_file or self.jwt_old_key_files:
            # Only where keys are: it takes 0.1 s to import.
            from accounts.jose import read_public_key, read_signing_key

            if self.jwt_key_file:
                read_signing_key(self.jwt_key_file)
            for file in self.jwt_old_key_files:
                read_public_key(file)
        return self

    @model_validator(mode="after")
    def credentials_agree(self) -> Self:
        if self.jwt and self.jwt_key_file is None:
            raise ValueError("EMBED_JWT needs EMBED_JWT_KEY_FILE")
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("EMBED_TLS_CERT_FILE and EMBED_TLS_KEY_FILE go together")
        if self.mtls == "direct" and not (self.tls_cert_file and self.tls_client_ca_file):
            raise ValueError(
                "EMBED_MTLS=direct needs EMBED_TLS_CERT_FILE and EMBED_TLS_CLIENT_CA_FILE"
            )
        check_issuers(self.jwt_issuers, own=self.jwt_issuer)
        return self


def _existing(file: Path) -> Path:
    path = file.expanduser().absolute()
    if not path.is_file():
        raise ValueError("should be a file that is there")
    return path
