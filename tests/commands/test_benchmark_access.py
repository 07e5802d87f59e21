"""`manage.py benchmark access`."""

from io import StringIO

import orjson
import pytest
from django.core.management import CommandError, call_command

from accounts.models import Team, User
from accounts.policy import SiteRole
from embeddings.models import Collection
from embeddings.services import access_benchmark
from embeddings.services.search import search_visible
from tests.factories import make_collection, make_document, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def collection() -> Collection:
    make_user("root", SiteRole.ADMIN)
    made = make_collection("drinks")
    for number in range(5):
        make_document(made, f"Text {number}")
    return made


def test_it_works(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []

    def counting(**values: object) -> object:
        result = search_visible(**values)  # type: ignore[arg-type]
        found.append(len(result.hits))
        return result

    monkeypatch.setattr(access_benchmark, "search_visible", counting)
    out = StringIO()
    call_command("benchmark", "access", "--collection", "drinks", "--json", stdout=out)
    report = orjson.loads(out.getvalue())
    assert report["queries"] == 5
    assert set(report["p50_ms"]) == {"open", "guarded", "limited"}
    for name, added in report["added_ms"].items():
        assert added == pytest.approx(report["p50_ms"][name] - report["p50_ms"]["open"], abs=0.002)
    assert found == [5] * (5 + 5) * 2  # warming up, then in turns; both tokens see what is there
    assert not User.objects.filter(username__startswith="benchmark").exists()
    assert not Team.objects.exists()


def test_nothing_to_search(collection: Collection) -> None:
    make_collection("empty")
    with pytest.raises(CommandError, match="empty"):
        call_command("benchmark", "access", "--collection", "empty")
