"""Trying a search out in the console, as oneself or as a user whom one helps."""

from accounts.exceptions import ActionForbidden, Problem
from accounts.models import Outcome
from accounts.payer import paying
from accounts.policy import Action
from accounts.principal import Principal
from accounts.services.audit_buffer import note
from accounts.services.rates import check_rate, payer_of
from accounts.services.users import active_user
from embeddings.models import Collection
from embeddings.services.audit_reads import note_search
from embeddings.services.collection import visible_collection
from embeddings.services.search import search_collection
from embeddings.services.usage import record_search
from embeddings.types.search import SearchParams, SearchResult


def try_search(
    *, operator: Principal, name: str, params: SearchParams, as_user: str | None = None
) -> tuple[Collection, SearchResult]:
    """The collection, and what the operator finds in it, or what the user of that name would: only
    where this one may search, and among the documents that it may see.

    It takes as long as a search takes that nobody has made before, and is not counted among the
    frequent queries of the collection. The operator pays for it and is who did it in the audit,
    which names the user, whether or not reads are recorded.

    Raises ActionForbidden for who is no operator, RateLimited, UnknownUser, and what
    visible_collection and search_collections do.
    """
    if not operator.may(Action.OPERATE):
        raise ActionForbidden(action=Action.OPERATE.value)
    check_rate(allowances=operator.allowances)
    principal = operator
    if as_user is not None:
        principal = active_user(username=as_user, param="as_user").as_principal()
    with paying(payer_of(operator)):
        try:
            collection = visible_collection(principal=principal, name=name, action=Action.SEARCH)
        except Problem as refusal:
            if as_user is not None:
                _note_refusal(name, as_user, refusal)
            raise
        # Its vector comes from the operator's cache: the user's would tell what the user asked.
        result = search_collection(collection=collection, params=params, owner_id=operator.user_id)
        record_search(collections=[collection], result=result)
    note_search(collections=[collection], mode=params.mode, hits=len(result.hits), as_user=as_user)
    return collection, result


def _note_refusal(name: str, as_user: str, refusal: Problem) -> None:
    note(
        event="documents.search",
        object_type="collection",
        object_id=name,
        after={"as_user": as_user, "code": refusal.code},
        outcome=Outcome.DENIED,
    )
