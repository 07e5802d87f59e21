"""No combination of operations shows or changes a document outside of the caller's view: any
filters, any documents, any order, against plain Python.
"""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from accounts.models import User
from accounts.policy import Role
from embeddings.constants import OnConflict, SearchMode
from embeddings.models import Grant
from embeddings.services.documents import (
    delete_documents,
    list_documents,
)
from embeddings.types.document import DocumentInput
from tests.db.row_filter_world import ANYTHING, DO, IDS, VECTORS, World
from tests.factories import make_collection, make_documents, make_user

pytestmark = pytest.mark.django_db

VALUES = [0, 1, 1.5, True, False, None, "1", "a", [1, "a"], [True]]

values = st.sampled_from(VALUES)
metadata = st.fixed_dictionaries({}, optional={"t": values, "u": values})
scalars = st.sampled_from([value for value in VALUES if not isinstance(value, list)])
fields = st.one_of(
    st.tuples(st.sampled_from("tu"), scalars),
    st.tuples(
        st.sampled_from("tu"),
        st.one_of(
            st.fixed_dictionaries({"$ne": scalars}),
            st.fixed_dictionaries({"$gt": st.sampled_from([0, 1, "1"])}),
            st.fixed_dictionaries({"$in": st.lists(scalars, min_size=1, max_size=3)}),
            st.fixed_dictionaries({"$exists": st.booleans()}),
        ),
    ),
).map(lambda pair: dict([pair]))
filters = st.one_of(
    fields,
    st.fixed_dictionaries({"$or": st.lists(fields, min_size=1, max_size=2)}),
    st.fixed_dictionaries({"$not": fields}),
)
ids, filter_or_none = st.sampled_from(IDS), st.one_of(st.none(), filters)
operations = st.one_of(
    st.tuples(st.just("search"), st.sampled_from(SearchMode), filter_or_none, st.booleans()),
    st.tuples(st.just("near"), ids),
    st.tuples(st.just("grouped"), filter_or_none),
    st.tuples(st.just("list"), filter_or_none),
    st.tuples(st.just("get"), ids),
    st.tuples(st.just("add"), ids, metadata, st.sampled_from(OnConflict)),
    st.tuples(st.just("import"), ids, metadata, ids, metadata),
    st.tuples(st.just("patch"), ids, metadata),
    st.tuples(st.just("delete"), ids),
    st.tuples(st.just("delete_many"), filter_or_none),
)


@pytest.fixture
def caller() -> User:
    return make_user("caller")


def test_no_combination_shows_or_changes_what_is_outside(caller: User) -> None:
    collection = make_collection()

    @settings(
        max_examples=12,
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        documents=st.dictionaries(ids, metadata, min_size=4),
        reads=st.lists(filter_or_none, max_size=1),
        write=filter_or_none,
        narrowing=filter_or_none,
        steps=st.lists(operations, min_size=4, max_size=12),
    )
    def play(documents: Any, reads: Any, write: Any, narrowing: Any, steps: Any) -> None:
        delete_documents(collection=collection, metadata_filter=ANYTHING)
        make_documents(
            collection,
            *(DocumentInput(pk, "word", value, VECTORS[pk]) for pk, value in documents.items()),
        )
        Grant.objects.all().delete()
        grants = [(Role.EDITOR, write), *((Role.VIEWER, each) for each in reads)]
        for role, row_filter in grants:
            Grant.objects.create(
                collection=collection, user=caller, role=role, row_filter=row_filter
            )
        narrowed = None if narrowing is None else json.dumps(narrowing)
        principal = caller.as_principal(row_filter=narrowed)
        world = World(collection, principal, reads, [write], narrowing, dict(documents))
        for name, *arguments in steps:
            DO[name](world, *arguments)
            event(name)
        whole = list_documents(collection=collection, limit=20)
        stored = {each.external_id: each.metadata for each in whole}
        # As JSON has it, for Python takes 1 for True.
        assert json.dumps(stored, sort_keys=True) == json.dumps(world.stored, sort_keys=True)

    play()
