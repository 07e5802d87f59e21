"""What a path into the metadata means, wherever `POST /v1/search` takes one."""

from typing import Any

from rest_framework.test import APIClient

from embeddings.models import Collection
from tests.factories import make_document

PATH = "/v1/search"


def test_a_step_is_a_key_and_never_a_place_in_an_array(
    collection: Collection, as_alice: APIClient
) -> None:
    make_document(collection, "A book.", external_id="listed", tags=["first"])
    make_document(collection, "A book.", external_id="numbered", tags={"0": "zero"})
    search: dict[str, Any] = {"collection": collection.name, "query": "book"}

    facet = as_alice.post(PATH, search | {"facets": ["tags.0"]}).json()["facets"]["tags.0"]
    assert (facet["values"], facet["null"]) == ([{"value": "zero", "count": 1}], 0)
    filtered = as_alice.post(PATH, search | {"filter": {"tags.0": {"$exists": True}}}).json()
    assert [hit["id"] for hit in filtered["hits"]] == ["numbered"]
    for mode in ("semantic", "hybrid"):
        wanted = search | {"group_by": {"field": "tags.0"}, "mode": mode}
        groups = as_alice.post(PATH, wanted).json()["groups"]
        assert [group["value"] for group in groups] == ["zero"]
