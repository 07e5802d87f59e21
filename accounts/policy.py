"""The whole access policy on one screen: roles, and the actions that each allows."""

from enum import StrEnum


class Action(StrEnum):
    """One verb; every view names the one it performs."""

    EMBED = "embed"
    CREATE_COLLECTION = "create_collection"
    READ = "read"
    SEARCH = "search"
    WRITE = "write"
    MANAGE = "manage"
    OPERATE = "operate"


class SiteRole(StrEnum):
    """What a user is to the whole service."""

    MEMBER = "member"
    OPERATOR = "operator"
    ADMIN = "admin"


EVERYONE = frozenset({Action.EMBED, Action.CREATE_COLLECTION})
"""Needs no collection: any authenticated principal may do it."""

OWNER_ACTIONS = frozenset(Action) - EVERYONE
"""What the owner of a collection may do with it."""

SITE_ROLE_ACTIONS: dict[SiteRole, frozenset[Action]] = {
    SiteRole.MEMBER: frozenset(),
    SiteRole.OPERATOR: frozenset({Action.READ, Action.SEARCH, Action.OPERATE}),
    SiteRole.ADMIN: OWNER_ACTIONS,
}
"""What a site role may do with every collection, whoever owns it."""
