"""How many statements each route sends to PostgreSQL, as query_counts.txt says.

Of a token that is trusted already, with an empty cache, by whoever pays most: a member whom a grant
lets in, or else an administrator. Transactions and savepoints don't count, nor what follows later.
A failure shows the line as measured: commit it if you know what the statement is for.
"""

from pathlib import Path

import pytest
from django.db import transaction

from tests.caches import start_cache
from tests.db.token_checks import Clock
from tests.project.access_world import World
from tests.project.sample_requests import is_alias
from tests.project.test_access_matrix import API, EXPECTED, name_of
from tests.statements import recorded_statements

pytestmark = pytest.mark.django_db
TABLE = Path(__file__).with_name("query_counts.txt")
TRANSACTION = ("SAVEPOINT", "RELEASE", "ROLLBACK")


def asker(name: str) -> tuple[str, str] | None:
    """Who asks, and about what; None where nobody succeeds."""
    for who, relation, column in (("owner", "granted", 1), ("admin", "other", 2)):
        statuses = EXPECTED.get(name, {}).get(who, "404").split()
        if statuses[min(column, len(statuses) - 1)].startswith("2"):
            return who, relation
    return None


CASES = [(method, route) for method, route in API if not is_alias(route)]
COUNTED = [case for case in CASES if asker(name_of(*case))]
COUNTS = dict(line.rsplit(" ", 1) for line in TABLE.read_text().splitlines() if line)


@pytest.fixture(autouse=True)
def _trusted_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the machine takes from the first request to the second."""
    Clock(monkeypatch)


@pytest.mark.parametrize(("method", "route"), COUNTED, ids=[" ".join(case) for case in COUNTED])
def test_it_sends_as_many_statements_as_it_did(world: World, method: str, route: str) -> None:
    name = name_of(method, route)
    found = asker(name)
    assert found
    for _ in range(2):
        start_cache()
        with transaction.atomic():
            with recorded_statements(by_all_threads=False) as statements:
                response = world.ask(*found, method, route)
            transaction.set_rollback(True)
        assert response.status_code < 300
    sent = [each for each in statements if not each.lstrip().startswith(TRANSACTION)]
    listed = "\n".join(each[:200] for each in sent)
    assert COUNTS.get(name) == str(len(sent)), f"measured:\n{name} {len(sent)}\n{listed}"


def test_the_table_has_nothing_else() -> None:
    assert COUNTS.keys() - {name_of(*case) for case in COUNTED} == set()
