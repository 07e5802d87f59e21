"""What each method of each route answers to each of the cast, about what is theirs and what is not.

The routes come from the URL configuration: a new one fails until it has a line in access_matrix.txt
and, where it takes a body, a sample in sample_requests.py. A failure shows the line as measured.
Read it as a stranger would before you commit it.
"""

import re
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, models, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from tests.admin.conftest import client_of
from tests.project.access_world import CAST, RELATIONS, World
from tests.project.sample_requests import is_alias, methods_of, names_collection, plain
from tests.project.test_urls import FOR_PEOPLE, ROUTES

pytestmark = pytest.mark.django_db
TABLE = Path(__file__).with_name("access_matrix.txt")
APPS = re.compile(r"\^\(\?P<app_label>.*\)(?=/\$)")
PEOPLE = ("stranger", "member", "staff", "operator", "admin")
"""Of the console: staff is a member who may log in there. Admins may post."""

ASK_ALIASES = ("stranger", "outsider", "owner")
"""A route without its version is the same view; these are enough to tell so."""

API = [
    (method, route)
    for route in ROUTES
    if not route.startswith(FOR_PEOPLE)
    for method in methods_of(route)
]
NOWHERE = ("GET", "no/such/route")
"""Stands for what matches no route."""
CONSOLE = [
    (method, route)
    for route in ROUTES
    if route.startswith(FOR_PEOPLE) and not route.endswith(("logout/", "(?P<url>.*)$"))
    if not route.endswith("<path:object_id>/")  # sends to the page for changes
    for method in ("GET", "POST")
]


def asked_by(method: str, route: str) -> tuple[str, ...]:
    """Those of the cast, or of the people, who ask."""
    if route.startswith(FOR_PEOPLE):
        return PEOPLE if method == "GET" else PEOPLE[:-1]
    return ASK_ALIASES if is_alias(route) else CAST


def read_table() -> dict[str, dict[str, str]]:
    """By method and route, and by who asks, the statuses for what is asked for."""
    found = {}
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            name, *groups = (part.strip() for part in line.split("|"))
            people = asked_by(*name.split()) if FOR_PEOPLE in name else CAST
            found[name] = dict(zip(people, groups, strict=True))
    return found


EXPECTED = read_table()


def cells() -> int:
    """How many requests the table decides."""
    return sum(
        len(EXPECTED[name_of(*cell)][who].split())
        for cell in [*API, NOWHERE, *CONSOLE]
        for who in asked_by(*cell)
    )


def name_of(method: str, route: str) -> str:
    return f"{method} {APPS.sub('<app>', plain(route))}".strip()


def ids(*lists: list[tuple[str, str]]) -> list[str]:
    return [f"{method} {APPS.sub('<app>', route)}" for cells in lists for method, route in cells]


@pytest.fixture(scope="module")
def console(world: World) -> dict[str, Client]:
    for name in ("dora", "operator", "admin"):
        world.users[name].is_staff = True
        world.users[name].save(update_fields=["is_staff"])
    names = {"member": "fred", "staff": "dora", "operator": "operator", "admin": "admin"}
    return {"stranger": Client()} | {
        who: client_of(world.users[name]) for who, name in names.items()
    }


def has_object(method: str, route: str) -> bool:
    return "<" in route or names_collection(method, route)


def rolled_back(ask: Any) -> Any:
    """What the request answers; nothing is left of what it did."""
    with transaction.atomic():
        response = ask()
        transaction.set_rollback(True)
    return response


def assert_as_expected(name: str, measured: dict[str, str]) -> None:
    line = " | ".join([name, *measured.values()])
    assert name in EXPECTED, f"a new route; if its answers are right, add to {TABLE.name}:\n{line}"
    wrong = {
        who: f"{was}, not {EXPECTED[name][who]}"
        for who, was in measured.items()
        if was != EXPECTED[name][who]
    }
    assert not wrong, f"{name}: {wrong}\nmeasured:\n{line}"


@pytest.mark.parametrize(("method", "route"), [*API, NOWHERE], ids=ids(API, [NOWHERE]))
def test_the_api(world: World, method: str, route: str) -> None:
    relations = RELATIONS if has_object(method, route) else RELATIONS[:1]
    measured = {}
    for who in asked_by(method, route):
        answers = [
            rolled_back(partial(world.ask, who, relation, method, route)) for relation in relations
        ]
        measured[who] = " ".join(str(answer.status_code) for answer in answers)
        if len(answers) > 1:
            other, absent = answers[2:]
            if other.status_code in (403, 404) and other.status_code == absent.status_code:
                assert other.content == absent.content, f"{who} tells the unseen from the absent"
    assert_as_expected(name_of(method, route), measured)


@pytest.mark.parametrize(("method", "route"), CONSOLE, ids=ids(CONSOLE))
def test_the_console(world: World, console: dict[str, Client], method: str, route: str) -> None:
    path = console_path(route)
    measured = {
        who: str(rolled_back(partial(console[who].generic, method, path)).status_code)
        for who in asked_by(method, route)
    }
    assert_as_expected(name_of(method, route), measured)


def console_path(route: str) -> str:
    """With the first row of the page's model, or one that is not there."""
    # Django names the page after its own model of users.
    name = (ROUTES[route].name or "").replace("auth_user_", "accounts_user_")
    tables = connection.introspection.table_names()
    pk = "1"
    for model in admin.site._registry:
        if model._meta.db_table in tables and name.startswith(
            f"{model._meta.app_label}_{model._meta.model_name}_"
        ):
            pk = first_pk(model)
    if name == "audit_entry":
        pk = first_pk(AuditEntry)
    variables = re.compile("<(?:path:)?object_id>|<id>|<int:(?:pk|content_type_id)>")
    path = variables.sub(pk, route).replace("<str:kind>", "csv")
    return "/" + APPS.sub("accounts", path).removesuffix("$")


def first_pk(model: type[models.Model]) -> str:
    rows = model._default_manager.order_by("pk")
    return str(next((row.pk for row in islice(rows, 1)), 0))


def test_the_table_has_nothing_else() -> None:
    names = {name_of(*cell) for cell in [*API, NOWHERE, *CONSOLE]}
    assert EXPECTED.keys() - names == set(), "these routes are no more: take their lines out"


def test_it_decides_thousands_of_cells() -> None:
    assert cells() > 2_000
    assert reverse("admin:index").startswith("/" + FOR_PEOPLE)
