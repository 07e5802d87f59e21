"""The look-up of a collection that a caller names."""

import re
from dataclasses import dataclass
from functools import cache

from accounts.exceptions import ActionForbidden
from accounts.lookup import Lookup, QueuedLookup, compile_lookup, queue_lookup
from accounts.policy import Action, SiteRole
from accounts.principal import Principal
from accounts.store.batch import Batch
from embeddings.constants import COLLECTION_NAME_PATTERN
from embeddings.exceptions import NotFound
from embeddings.models import Collection


@dataclass(frozen=True, slots=True)
class QueuedCollection:
    """The look-up of visible_collection in a batch, for when that was sent."""

    principal: Principal
    name: str
    action: Action
    found: QueuedLookup[Collection]

    def collection(self) -> Collection:
        """What visible_collection returns or raises."""
        collection = self.found.row() if self.principal.in_scope(self.action) else None
        if collection is not None and self.principal.covers(collection.pk):
            collection.narrow_to(self.principal, self.action)
            return collection
        seen = Collection.objects.visible_to(self.principal, Action.READ)
        if seen.filter(name=self.name).exists():
            raise ActionForbidden(action=self.action.value, collection=self.name)
        raise NotFound(collection=self.name)


def look_up_collection(*, principal: Principal, name: str, action: Action) -> QueuedCollection:
    """The look-up of visible_collection, sent by itself."""
    batch = Batch()
    queued = queue_collection(batch, principal=principal, name=name, action=action)
    batch.send()
    return queued


def queue_collection(
    batch: Batch, *, principal: Principal, name: str, action: Action
) -> QueuedCollection:
    """The look-up of visible_collection, which travels with the rest of the batch."""
    if not re.fullmatch(COLLECTION_NAME_PATTERN, name):
        raise NotFound(collection=name)  # NUL, for one, would be an error of the database
    lookup = _visible(principal.role, action)
    found = queue_lookup(batch, lookup, user=principal.user_id, name=name)
    return QueuedCollection(principal, name, action, found)


@cache
def _visible(role: SiteRole, action: Action) -> Lookup[Collection]:
    stand_in = Principal(user_id=-1, username="", role=role)
    collections = Collection.objects.visible_to(stand_in, action).filter(name="name")
    return compile_lookup(collections, related="active", user=stand_in.user_id, name="name")
