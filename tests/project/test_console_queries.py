"""How many statements each page of the console's menu sends to PostgreSQL, as console_queries.txt
says: of an administrator, with some of each kind there.

A failure shows the line as measured: commit it if you know what the statement is for.
"""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from accounts.policy import SiteRole
from embeddings.admin.navigation import MENU
from tests.admin.conftest import client_of, make_staff
from tests.caches import start_cache
from tests.project.access_world import World
from tests.statements import recorded_statements

pytestmark = pytest.mark.django_db
TABLE = Path(__file__).with_name("console_queries.txt")
TRANSACTION = ("SAVEPOINT", "RELEASE", "ROLLBACK")
PAGES = [page for _, entries in MENU for _, _, page, _ in entries]
COUNTS = dict(line.rsplit(" ", 1) for line in TABLE.read_text().splitlines() if line)


@pytest.fixture
def boss(world: World) -> Client:
    return client_of(make_staff("boss", SiteRole.ADMIN))


@pytest.mark.parametrize("page", PAGES)
def test_it_sends_as_many_statements_as_it_did(boss: Client, page: str) -> None:
    for _ in range(2):
        start_cache()
        with recorded_statements(by_all_threads=False) as statements:
            assert boss.get(reverse(f"admin:{page}")).status_code == 200
    sent = [each for each in statements if not each.lstrip().startswith(TRANSACTION)]
    listed = "\n".join(each[:200] for each in sent)
    assert COUNTS.get(page) == str(len(sent)), f"measured:\n{page} {len(sent)}\n{listed}"


def test_the_table_has_nothing_else() -> None:
    assert COUNTS.keys() - {*PAGES} == set()
