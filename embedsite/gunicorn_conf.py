"""How gunicorn serves: one file, read by its master and by each of its workers."""

import os
import ssl
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.log import configure_logging
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config as GunicornConfig
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker
from prometheus_client import multiprocess

from embedsite.addresses import address
from embedsite.gate import passes
from embedsite.tls import server_context

EMBED = settings.EMBED
configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)


class StructuredLogger(Logger):
    """Leaves the handlers to the service's own logging."""

    def setup(self, cfg: GunicornConfig) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True


TLS = server_context(EMBED) if EMBED.tls_cert_file else None
if TLS:
    certfile, keyfile = str(EMBED.tls_cert_file), str(EMBED.tls_key_file)

bind = address(EMBED.host, EMBED.port)
workers = EMBED.workers
threads = EMBED.threads
worker_class = "embedsite.gunicorn_worker.LingeringWorker"
# Native thread pools and database pools do not survive a fork.
preload_app = False
logger_class = StructuredLogger
# Each request is logged by our own middleware, with its id.
accesslog = None
graceful_timeout = 30
timeout = 60
# Longer than the idle time of the usual proxies, so that it is never us who closes first.
keepalive = 75
# Of the engine's socket, which `serve` adds: it is for our own account alone.
umask = 0o177
# Whom a proxy speaks for is decided by EMBED_TRUSTED_PROXIES, in Django. gunicorn would believe
# every process of this machine, and each one's SCRIPT_NAME too.
forwarded_allow_ips = forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
# The most that gunicorn allows: an id of a document has up to 512 characters, 6 KB in a URL.
limit_request_line = 8190
limit_request_fields = 64
# Its default place is in HOME, and nobody asked for a second way in.
control_socket_disable = True
# A heartbeat file on a slow disk makes a worker look dead.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def ssl_context(config: GunicornConfig, _default: Any) -> ssl.SSLContext | None:  # noqa: ARG001
    """Made once, with its certificates; gunicorn would do so for each connection."""
    return TLS


def post_worker_init(worker: Worker) -> None:
    """Wait until the database is prepared, then count in it and follow what is set there."""
    from embeddings.services.live_following import start_following
    from embeddings.services.series_sampler import start_sampler

    def lives() -> bool:
        worker.notify()
        return worker.alive

    if passes(lives):
        start_sampler()
        start_following()


def child_exit(server: Arbiter, worker: Worker) -> None:  # noqa: ARG001 - as above
    """Take the dead worker's gauges out of the sums."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
