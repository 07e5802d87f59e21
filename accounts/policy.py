"""The whole access policy on one screen: roles, and the actions that each allows."""

from enum import StrEnum


class Action(StrEnum):
    """One verb; every view names the one it performs, and an API token's scopes are such verbs."""

    ME = "me"
    TOKENS = "tokens"
    USAGE = "usage"
    EMBED = "embed"
    CREATE_COLLECTION = "create_collection"
    READ = "read"
    SEARCH = "search"
    WRITE = "write"
    MANAGE = "manage"
    AUDIT = "audit"
    OPERATE = "operate"
    ADMINISTER = "administer"


class Role(StrEnum):
    """What a user or a team is to one collection."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"


class SiteRole(StrEnum):
    """What a user is to the whole service."""

    MEMBER = "member"
    OPERATOR = "operator"
    ADMIN = "admin"


EVERYONE = frozenset(
    {Action.ME, Action.TOKENS, Action.USAGE, Action.EMBED, Action.CREATE_COLLECTION}
)
"""Needs no collection: any authenticated principal may do it, for itself."""

ROLE_ACTIONS: dict[Role, frozenset[Action]] = {
    Role.VIEWER: frozenset({Action.READ, Action.SEARCH}),
    Role.EDITOR: frozenset({Action.READ, Action.SEARCH, Action.WRITE}),
    Role.OWNER: frozenset(Action) - EVERYONE - {Action.ADMINISTER},
}
"""What a role allows on the collection that it is granted for."""

SITE_ROLE_ACTIONS: dict[SiteRole, frozenset[Action]] = {
    SiteRole.MEMBER: frozenset(),
    SiteRole.OPERATOR: frozenset({Action.READ, Action.SEARCH, Action.AUDIT, Action.OPERATE}),
    SiteRole.ADMIN: frozenset(Action) - EVERYONE,
}
"""What a site role allows everywhere: on every collection, whoever owns it, and on the service."""

BEYOND_COLLECTIONS = frozenset({Action.CREATE_COLLECTION, Action.ADMINISTER})
"""Not for a credential that is narrowed to some collections: it would reach others."""

BEYOND_ROWS = frozenset({Action.MANAGE, Action.ADMINISTER})
"""Not for a credential that is narrowed to some documents: it would reach or open others."""


def roles_allowing(action: Action) -> list[Role]:
    """The roles on a collection that allow the action there."""
    return [role for role, actions in ROLE_ACTIONS.items() if action in actions]
