"""The options of limits: webhooks are https, without secrets in the wrong place, and signed."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from embedsite.config import Config

SECRET = SecretStr("s" * 32)


def test_it_works() -> None:
    config = Config(
        webhooks="https://a.example.org/x, https://b.example.org:8443/y", webhook_secret=SECRET
    )
    assert config.webhooks == ["https://a.example.org/x", "https://b.example.org:8443/y"]
    assert SECRET.get_secret_value() not in repr(config)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example.org/secret-path",
        "https:///secret-path",
        "https://user:secret-path@a.example.org/",
        "https://a.example.org/?key=secret-path",
        "file:///secret-path",
    ],
)
def test_other_addresses_are_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValidationError, match="must be https://host/path") as refusal:
        Config(webhooks=[url], webhook_secret=SECRET)
    assert "secret-path" not in str(refusal.value.errors(include_input=False))


@pytest.mark.parametrize(
    "values", [{}, {"webhook_secret": SecretStr("short")}], ids=["no", "short"]
)
def test_webhooks_need_a_secret(values: Any) -> None:
    with pytest.raises(ValidationError, match="EMBED_WEBHOOKS needs EMBED_WEBHOOK_SECRET"):
        Config(webhooks=["https://a.example.org/x"], **values)


@pytest.mark.parametrize(
    "values",
    [{"request_timeout_s": -1}, {"token_price": -0.1}, {"storage_price": "nan"}],
    ids=["timeout", "price", "nan"],
)
def test_other_values_are_refused(values: Any) -> None:
    with pytest.raises(ValidationError):
        Config(**values)
