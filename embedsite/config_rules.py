"""What the values of options must be, beyond their types."""

import ipaddress
import json
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_settings import NoDecode

Names = Annotated[list[str], NoDecode]
"""A list that its variable holds as a text, for `split_commas`."""


def split_commas(value: object) -> object:
    """The parts of a text, without the space around them."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def parse_json(value: Any) -> Any:
    """The value of a text in JSON. Raises ValueError."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError as error:
        raise ValueError(f"should be a JSON list of objects: {error}") from None


def check_redis_url(value: SecretStr | None) -> SecretStr | None:
    """The URL. Raises ValueError."""
    if value is None:
        return None
    parts = urlsplit(value.get_secret_value())
    place = parts.path if parts.scheme == "unix" else parts.hostname
    try:
        port = parts.port
    except ValueError:  # whose message would show what may be a password
        port = 0
    if parts.scheme not in ("redis", "rediss", "unix") or not place or port == 0:
        raise ValueError("must be redis://host:port/number, rediss://… or unix:///path")
    return value


def check_origins(value: list[str]) -> list[str]:
    """The origins, each as a browser spells it. Raises ValueError."""
    for origin in value:
        parts = urlsplit(origin)
        spelled = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme not in ("http", "https") or origin != spelled or "*" in origin:
            raise ValueError("must be origins such as https://app.example.org, without a path")
    return value


def check_networks(value: list[str]) -> list[str]:
    """The networks, each spelled as `ipaddress` does. Raises ValueError."""
    try:
        return [str(ipaddress.ip_network(network)) for network in value]
    except ValueError as error:
        raise ValueError(f"must be addresses such as 10.0.0.0/8: {error}") from None
