"""Django's caches: the default in each process, and the Redis that processes share, if there is
one.
"""

from typing import Any

from embedsite.config import Config

TIMEOUT_S = 0.04
"""A Redis that hangs may cost a request 50 ms, once."""


def cache_settings(config: Config) -> dict[str, dict[str, Any]]:
    """CACHES."""
    caches: dict[str, dict[str, Any]] = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    }
    if config.redis_url is not None:
        caches["shared"] = {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": config.redis_url.get_secret_value(),
            "OPTIONS": {
                "SOCKET_TIMEOUT": TIMEOUT_S,
                "SOCKET_CONNECT_TIMEOUT": TIMEOUT_S,
                # Neither a handshake of several round trips nor a second try.
                "CONNECTION_POOL_KWARGS": {"protocol": 2, "driver_info": None, "retry": None},
            },
        }
    return caches
