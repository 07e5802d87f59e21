"""Keeps the options of this process as they are set live: `settings.EMBED` is swapped whole, so
that whoever reads it sees the old ones or the new ones.
"""

import logging
import os
import threading
import time
from typing import Any

import psycopg
from django.conf import settings

from embeddings import telemetry
from embeddings.cache import the_cache
from embeddings.services.live_options import usable_options
from embeddings.store import live_settings as store

AT_LATEST_S = 3.0
"""A change is announced; this is for an announcement that did not come through."""

RETRY_S = 2.0
MIB = 1024 * 1024


class _Followed:
    """What this process has taken over."""

    def __init__(self) -> None:
        self.stored: Any = None
        self.config: Any = None
        self.lock = threading.Lock()


_followed = _Followed()


def start_following() -> None:
    """Keep up with what is set for as long as this process lives, on a thread and a connection of
    its own.
    """
    threading.Thread(target=_follow, name="live settings", daemon=True).start()


def follow_once() -> None:
    """Take over what is set now: for a command, which ends soon. Where it can't be read, as before
    the first migration, the command goes by its configuration.
    """
    try:
        take_over(store.read_once())
    except psycopg.Error as error:
        telemetry.log.debug("live_settings_unknown", error=type(error).__name__)


def set_live() -> dict[str, Any]:
    """What is set and of use, by name. Raises psycopg.Error."""
    values, _ = usable_options(store.read_once())
    return values


def take_over(stored: object) -> None:
    """Go by these options from now on; one that is of no use is logged and ignored."""
    with _followed.lock:
        if stored != _followed.stored or _followed.config is None:
            values, refused = usable_options(stored)
            for name, reason in refused.items():
                telemetry.log.error("live_setting_ignored", option=name, reason=reason)
            telemetry.log.info("live_settings", options=",".join(values), process=os.getpid())
            configured = settings.LOADED.config
            _followed.stored = stored
            _followed.config = configured.model_copy(update=values) if values else configured
        # Django keeps what it was asked for: whoever asked during the swap put the old one back.
        if settings.EMBED is not _followed.config:
            settings.EMBED = _followed.config
        _pass_on(_followed.config)


def _follow() -> None:
    told = False
    while True:
        try:
            for stored in store.follow(at_latest_s=AT_LATEST_S):
                take_over(stored)
                told = False
        except Exception as error:  # noqa: BLE001  what was taken over last holds meanwhile
            if not told:  # once for each outage
                telemetry.log.warning("live_settings_unknown", error=type(error).__name__)
            told = True
        time.sleep(RETRY_S)


def _pass_on(config: Any) -> None:
    """To what copies a value when it is made, maybe a moment before the swap."""
    logging.getLogger().setLevel(config.log_level)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = config.max_body_bytes  # Django's own, of forms
    if the_cache.cache_info().currsize:
        the_cache().resize(max_bytes=config.cache_memory_mb * MIB)
