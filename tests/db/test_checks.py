"""The database's system checks, and the settings that `migrate` leaves on the role."""

import socket
from types import SimpleNamespace

import pytest
from django.core.checks import CheckMessage
from django.core.management import call_command
from django.db import OperationalError, connections
from django.db.backends.postgresql.base import DatabaseWrapper

from embedsite import databases
from embedsite.checks import (
    check_servers,
    deployment_faults,
    pgvector_faults,
    scan_faults,
    server_faults,
)
from embedsite.config import ConfigError
from embedsite.databases import iterative_scan, parse_url, require_server


def ids(faults: list[CheckMessage]) -> list[str | None]:
    assert all(fault.hint for fault in faults)
    return [fault.id for fault in faults]


@pytest.mark.django_db
def test_our_own_server_passes() -> None:
    assert check_servers(databases=["default"]) == []


def test_without_a_database_nothing_is_asked() -> None:
    assert check_servers(databases=None) == []


@pytest.mark.parametrize(("version", "expected"), [(15, ["embedsite.E001"]), (16, []), (18, [])])
def test_old_server_is_an_error(version: int, expected: list[str]) -> None:
    assert ids(server_faults(version)) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (None, ["embedsite.E002"]),
        ("0.8.5", ["embedsite.E003"]),
        ("0.8.6", []),
        ("0.8.10", []),
        ("1.0", []),
    ],
)
def test_old_pgvector_is_an_error(version: str | None, expected: list[str]) -> None:
    assert ids(pgvector_faults(version)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("off", ["embedsite.W004"]), ("strict_order", []), (None, [])],
)
def test_setting_that_took_no_effect_is_a_warning(value: str | None, expected: list[str]) -> None:
    assert ids(scan_faults(value)) == expected


@pytest.mark.parametrize(
    ("proxy", "proxies", "certificate", "expected"),
    [
        (False, [], None, ["embedsite.W005"]),
        (False, [], "cert.pem", []),
        (True, [], None, ["embedsite.W006"]),
        (True, ["10.0.0.0/8"], None, []),
    ],
)
def test_tokens_must_not_travel_in_clear(
    proxy: bool, proxies: list[str], certificate: str | None, expected: list[str]
) -> None:
    config = SimpleNamespace(
        behind_tls_proxy=proxy, trusted_proxies=proxies, tls_cert_file=certificate
    )

    assert ids(deployment_faults(config)) == expected


@pytest.mark.django_db(transaction=True)
def test_migrate_sets_it_for_every_later_session() -> None:
    connection = connections["default"]
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER ROLE CURRENT_USER IN DATABASE"
            f" {connection.settings_dict['NAME']} SET hnsw.iterative_scan = 'off'"
        )
    connection.close()
    assert isinstance(connection, DatabaseWrapper)
    connection.close_pool()
    assert ids(check_servers(databases=["default"])) == ["embedsite.W004"]

    call_command("migrate", verbosity=0)

    with connection.cursor() as cursor:
        assert iterative_scan(cursor) == "strict_order"
    assert check_servers(databases=["default"]) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://joe:p%40ss@db.example:6432/app?sslmode=require",
            {"NAME": "app", "USER": "joe", "PASSWORD": "p@ss", "HOST": "db.example"}
            | {"PORT": "6432", "OPTIONS": {"sslmode": "require"}},
        ),
        (
            "postgres:///app?host=/run/postgresql",
            {"NAME": "app", "USER": "", "PASSWORD": "", "HOST": "/run/postgresql"}
            | {"PORT": "", "OPTIONS": {}},
        ),
        (
            "postgresql://joe@%2Frun%2Fpostgresql/app",
            {"NAME": "app", "USER": "joe", "PASSWORD": "", "HOST": "/run/postgresql"}
            | {"PORT": "", "OPTIONS": {}},
        ),
    ],
)
def test_database_url(url: str, expected: dict[str, object]) -> None:
    assert parse_url(url) == expected


@pytest.mark.parametrize(
    "url", ["mysql://h/n", "postgresql://h", "postgresql://h:port/n", "nonsense"]
)
def test_bad_database_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^DATABASE_URL: ") as error_info:
        parse_url(url)
    assert url not in str(error_info.value)


def test_a_server_that_is_not_there_is_told_with_its_place_alone() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        place = {"HOST": "127.0.0.1", "PORT": str(port), "USER": "embed", "PASSWORD": "hidden"}
        nowhere = DatabaseWrapper({**connections["default"].settings_dict, **place})
        with pytest.raises(OperationalError, match=f"no connection to 127.0.0.1:{port}: .*refused"):
            require_server(nowhere)


def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "FIRST_CONNECTION_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        place = {"HOST": host, "PORT": str(port)}
        with pytest.raises(OperationalError, match=f"no connection to {host}:{port}: .*timeout"):
            require_server(DatabaseWrapper({**connections["default"].settings_dict, **place}))
