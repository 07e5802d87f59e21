"""The options of identity: who may come in, how, how much each may ask for, what is on record."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr, field_validator

from embedsite.config_rules import Names, check_networks, check_origins, split_commas


class IdentityOptions(BaseModel):
    """A part of Config, in a file of its own."""

    token_pepper_previous: SecretStr | None = Field(
        None,
        description="The `EMBED_TOKEN_PEPPER` before the present one, or the secret key in its"
        " place: its hashes still hold, and are renewed as their tokens are used.",
    )
    trusted_proxies: Names = Field(
        [],
        description="Addresses of the proxies before us, such as `10.0.0.0/8`, separated by commas:"
        " only they are believed in what `X-Forwarded-For` says of a client.",
    )
    audit_reads: Literal["all", "none"] = Field(
        "all",
        description="Record searches and embeddings in the audit too, without their texts; changes"
        " and refusals always are.",
    )
    audit_retention_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="Whole days that the audit keeps before the worker verifies and drops them;"
        " 0 keeps all.",
    )

    hsts_subdomains: bool = Field(
        default=False, description="Strict-Transport-Security for the host's sub-domains, too."
    )
    redaction_model: str = Field(
        "en_core_web_sm",
        pattern=r"^[a-z]{2}_[A-Za-z0-9_]+$",
        description="spaCy's model that finds names in collections that redact them; a package.",
    )
    cors_origins: Names = Field(
        [],
        description="Origins (with scheme) whose pages may call the API from a browser, separated"
        " by commas. Unset: none.",
    )

    _commas_of_names = field_validator("trusted_proxies", "cors_origins", mode="before")(
        split_commas
    )
    _networks = field_validator("trusted_proxies")(check_networks)
    _origins = field_validator("cors_origins")(check_origins)
