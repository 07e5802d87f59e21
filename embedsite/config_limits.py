"""The options of limits: how long a request may take, what use costs, and who hears of budgets."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from embedsite.config_rules import Names, split_commas

MIN_WEBHOOK_SECRET = 32


class LimitOptions(BaseModel):
    """A part of Config, in a file of its own."""

    request_timeout_s: int = Field(
        60,
        ge=0,
        le=3600,
        description="Seconds after which PostgreSQL ends a statement of a request, which then"
        " answers 503; jobs and commands take as long as they need. 0 sets no limit.",
    )
    webhooks: Names = Field(
        [],
        description="`https://…` addresses that are told when an account reaches a share of a token"
        " budget, as `EMBED_BUDGET_ALERTS` says, separated by commas.",
    )
    webhook_secret: SecretStr | None = Field(
        None,
        description="Signs what is sent to the webhooks; at least 32 characters.",
    )

    _webhooks = field_validator("webhooks", mode="before")(split_commas)

    @field_validator("webhooks")
    @classmethod
    def webhooks_are_https(cls, value: list[str]) -> list[str]:
        for url in value:
            parts = urlsplit(url)
            if parts.scheme != "https" or not parts.hostname or parts.username or parts.query:
                # Without the address, in whose path may be a secret.
                raise ValueError("must be https://host/path, without a user or a query")
        return value

    @model_validator(mode="after")
    def webhooks_are_signed(self) -> Self:
        secret = self.webhook_secret
        if self.webhooks and len(secret.get_secret_value() if secret else "") < MIN_WEBHOOK_SECRET:
            raise ValueError(
                f"EMBED_WEBHOOKS needs EMBED_WEBHOOK_SECRET, of {MIN_WEBHOOK_SECRET} characters"
            )
        return self
