"""Django's database settings: the given URL, or the embedded server's socket."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from embedsite.config import Config, ConfigError
from embedsite.postgres import DATABASE, PORT, ROLE, socket_folder

# A pooled connection that never comes must fail the request, not hold its thread for ever.
POOL_TIMEOUT_S = 30


def database_settings(config: Config) -> dict[str, Any]:
    """The `default` entry of DATABASES, with Django's own psycopg pool."""
    url = config.database_url
    place = parse_url(url.get_secret_value()) if url else embedded(config)
    options = place.pop("OPTIONS", {})
    return {
        "ENGINE": "django.db.backends.postgresql",
        **place,
        # The pool keeps the connections; Django refuses both at once.
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **options,
            "prepare_threshold": 5,
            "pool": {
                "min_size": config.database_pool_min,
                "max_size": config.database_pool_size,
                "timeout": POOL_TIMEOUT_S,
            },
        },
    }


def embedded(config: Config) -> dict[str, Any]:
    return {
        "NAME": DATABASE,
        "USER": ROLE,
        "HOST": str(socket_folder(config.data_dir)),
        "PORT": str(PORT),
    }


def parse_url(url: str) -> dict[str, Any]:
    """The parts of `postgresql://user:password@host:port/name?option=value`.

    Raises ConfigError.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
        raise ConfigError("DATABASE_URL: must be postgresql://user:password@host:port/name.")
    try:
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"DATABASE_URL: {error}.") from None
    options = dict(parse_qsl(parts.query))
    # A socket's folder is given as ?host=/folder, or escaped in the host's place.
    host = options.pop("host", unquote(parts.netloc.rpartition("@")[2]) if parts.netloc else "")
    return {
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host if host.startswith("/") else unquote(parts.hostname or ""),
        "PORT": str(options.pop("port", port or "")),
        "OPTIONS": options,
    }
