"""Where the service listens, and whether it answers there."""

import http.client
import os
import socket
import tempfile
from pathlib import Path

from embedsite.config import Config
from embedsite.tls import connection_to_us

ENGINE_DOOR = "EMBEDSITE_ENGINE_DOOR"
"""The variable by which `serve` tells a process that it holds the models for the others."""

MAX_SOCKET_PATH = 107
"""What sockaddr_un holds on Linux."""

PROBE_TIMEOUT_S = 2.0
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - not bound


class AddressInUse(Exception):
    """The address is taken or not ours; the message names the options that choose it."""


def address(host: str, port: int) -> str:
    """`host:port`, as URLs and gunicorn spell it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reachable(host: str) -> str:
    """The host to ask when the service listens on this one."""
    return EVERY_ADDRESS.get(host, host)


def require_free_port(config: Config) -> None:
    """Find out before anything is started. Raises AddressInUse."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            place = address(config.host, config.port)
            raise AddressInUse(
                f"cannot listen on {place} ({error.strerror}); choose with EMBED_HOST and"
                " EMBED_PORT, or --host and --port"
            ) from None


def engine_socket(config: Config) -> Path:
    """Where the engine of this service is to listen: in the data folder, or in a new private one
    where the path would be too long. Ports tell services on one data folder apart.
    """
    path = config.data_dir / f"engine-{config.port}.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    return Path(tempfile.mkdtemp(prefix="embed-engine-")) / "engine.sock"


def ready_status(config: Config) -> int:
    """The status of `/health/ready`; 0 where nobody answers."""
    connection = connection_to_us(config, host=reachable(config.host), timeout_s=PROBE_TIMEOUT_S)
    # The host must be one that the service answers to, which may be none of ours by name.
    host = config.allowed_hosts[0].lstrip("*.") if config.allowed_hosts else ""
    try:
        connection.request("GET", "/health/ready", headers={"Host": host or "localhost"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
