"""The caller of a request, as every layer below the views knows it."""

import uuid
from dataclasses import dataclass

from accounts.policy import EVERYONE, SITE_ROLE_ACTIONS, Action, SiteRole


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, and what its credential leaves of what it may do.

    `scopes` and `collections` (their ids) narrow where they are not None; `row_filter` is a
    metadata filter in JSON, which every document has to pass besides the filters of grants.
    """

    user_id: int
    username: str
    role: SiteRole
    token_id: int | None = None
    team_id: int | None = None
    scopes: frozenset[Action] | None = None
    collections: frozenset[uuid.UUID] | None = None
    row_filter: str | None = None

    def may(self, action: Action) -> bool:
        """Whether the action needs no particular collection, or the site role allows it on all of
        them.
        """
        return self.in_scope(action) and (
            action in EVERYONE or action in SITE_ROLE_ACTIONS[self.role]
        )

    def in_scope(self, action: Action) -> bool:
        """Whether the credential may be used for the action at all."""
        return self.scopes is None or action in self.scopes

    def covers(self, collection_id: uuid.UUID) -> bool:
        """Whether the credential may be used on the collection at all."""
        return self.collections is None or collection_id in self.collections
