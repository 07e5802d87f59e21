"""`manage.py refresh_keywords`."""

from io import StringIO
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from accounts.policy import SiteRole
from embeddings.models import DocumentTerms, KeywordStatistics
from embeddings.services.collection import delete_collection
from tests.factories import make_collection, make_document, make_user

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> Any:
    make_user("root", SiteRole.ADMIN)
    out = StringIO()
    call_command("refresh_keywords", *arguments, stdout=out)
    return out.getvalue()


def test_it_works() -> None:
    collection = make_collection("drinks")
    make_document(collection, "Green tea")
    DocumentTerms.objects.all().delete()

    report = orjson.loads(run("drinks", "--json"))

    assert report == {"collections": {"drinks": 1}}
    assert KeywordStatistics.objects.get().refreshed_documents == 1


def test_all_of_them() -> None:
    for name in ("drinks", "empty"):
        make_collection(name)
    assert run("--all").splitlines() == [
        "drinks: counted; 0 documents have new weights.",
        "empty: counted; 0 documents have new weights.",
    ]


def test_weights_are_exact_afterwards() -> None:
    collection = make_collection("drinks")
    make_document(collection, "Green tea with a little milk", external_id="long")
    make_document(collection, "Coffee", external_id="short")
    KeywordStatistics.objects.update(length=F("length") + 100)  # as if much had been deleted
    DocumentTerms.objects.update(average_length=F("average_length") * 1.05)
    run("drinks")
    statistics = KeywordStatistics.objects.get()
    for terms in DocumentTerms.objects.all():
        assert terms.average_length == statistics.length / statistics.documents


def test_an_unknown_collection_is_said() -> None:
    with pytest.raises(CommandError, match="nothing here by that name"):
        run("drinks")
    delete_collection(collection=make_collection("gone"))
    with pytest.raises(CommandError, match="nothing here by that name"):
        call_command("refresh_keywords", "gone")
