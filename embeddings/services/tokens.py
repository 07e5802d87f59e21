"""API tokens as their owners name them: with collections by name, and filters that are well
formed.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from accounts.exceptions import ActionForbidden, NotFound
from accounts.models import ApiToken, User
from accounts.narrowing import both_filters
from accounts.policy import Action
from accounts.principal import Principal
from accounts.services.tokens import create_api_token
from accounts.services.users import active_user
from embeddings.models import Collection
from embeddings.types.filter import parse_filter


def mint_token(
    *,
    principal: Principal,
    username: str | None = None,
    collections: Sequence[str] | None = None,
    row_filter: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[ApiToken, str]:
    """A new token and its plaintext, for the principal, or, by an administrator, for the user of
    this name; `options` are create_api_token's.

    Raises NotFound for a collection that the principal does not see, UnknownUser, InvalidFilter,
    and what create_api_token raises.
    """
    if username not in (None, principal.username) and not principal.may(Action.ADMINISTER):
        raise ActionForbidden(action=Action.ADMINISTER.value)
    if username is None:
        user = User.objects.get(pk=principal.user_id)
    else:
        user = active_user(username=username, param="user")
    outer = None if principal.row_filter is None else json.loads(principal.row_filter)
    combined = both_filters(outer, row_filter)
    if combined is not None:
        parse_filter(combined, param="row_filter")
    return create_api_token(
        user=user,
        minted_by=principal,
        collections=None if collections is None else _ids(principal, collections),
        row_filter=row_filter,
        **options,
    )


def names_of_collections(
    *, principal: Principal, tokens: Iterable[ApiToken]
) -> Mapping[uuid.UUID, str]:
    """The names of the collections that the tokens are for, as far as the principal sees them."""
    ids = {each for token in tokens for each in token.collections or ()}
    return dict(_seen(principal).filter(pk__in=ids).values_list("pk", "name")) if ids else {}


def _ids(principal: Principal, names: Sequence[str]) -> list[uuid.UUID]:
    found = dict(_seen(principal).filter(name__in=names).values_list("name", "pk"))
    for index, name in enumerate(names):
        if name not in found:
            raise NotFound(param=f"collections.{index}")
    return list(found.values())


def _seen(principal: Principal) -> Any:
    """To name a collection is no action on it: the credential's scopes don't matter."""
    return Collection.objects.visible_to(replace(principal, scopes=None), Action.READ)
