"""The caller of a request, as every layer below the views knows it."""

import uuid
from dataclasses import dataclass

from accounts.allowance import Allowance
from accounts.policy import (
    BEYOND_COLLECTIONS,
    BEYOND_ROWS,
    EVERYONE,
    SITE_ROLE_ACTIONS,
    Action,
    SiteRole,
)


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
    allowances: tuple[Allowance, ...] = ()

    @property
    def is_narrowed(self) -> bool:
        """Whether the credential leaves less than all of what its user may do."""
        return (self.scopes, self.collections, self.row_filter) != (None, None, None)

    def may(self, action: Action) -> bool:
        """Whether the action needs no particular collection, or the site role allows it on all of
        them, which a credential for some collections or documents never reaches.
        """
        if not self.in_scope(action):
            return False
        return action in EVERYONE or (
            self.collections is None
            and self.row_filter is None
            and action in SITE_ROLE_ACTIONS[self.role]
        )

    def in_scope(self, action: Action) -> bool:
        """Whether the credential may be used for the action at all."""
        if self.collections is not None and action in BEYOND_COLLECTIONS:
            return False
        if self.row_filter is not None and action in BEYOND_ROWS:
            return False
        return self.scopes is None or action in self.scopes

    def covers(self, collection_id: uuid.UUID) -> bool:
        """Whether the credential may be used on the collection at all."""
        return self.collections is None or collection_id in self.collections
