"""The policy as people read it: by a command, in the README and in the API's documentation."""

from collections.abc import Iterator

from accounts.policy import EVERYONE, ROLE_ACTIONS, SITE_ROLE_ACTIONS, Action

MEANINGS: dict[Action, str] = {
    Action.ME: "See who you are",
    Action.TOKENS: "Manage your API tokens",
    Action.USAGE: "See what you have used",
    Action.EMBED: "Embed and rerank texts on your account",
    Action.CREATE_COLLECTION: "Make collections in your name",
    Action.READ: "Read collections, their documents and statistics",
    Action.SEARCH: "Search collections",
    Action.WRITE: "Add, change and delete documents",
    Action.MANAGE: "Change and delete collections, and say who may use them",
    Action.AUDIT: "Read the audit",
    Action.OPERATE: "See and cancel jobs, build indexes, clear caches",
    Action.ADMINISTER: "Manage users and teams",
}
"""Also what people read who are asked whether an application may."""


def policy_rows() -> Iterator[tuple[str, str, list[Action]]]:
    """Each role, what it is held on, and its actions, in the order of Action."""
    yield "everyone", "own things", _in_order(EVERYONE)
    for role, actions in ROLE_ACTIONS.items():
        yield role.value, "a collection", _in_order(actions)
    for site_role, actions in SITE_ROLE_ACTIONS.items():
        yield site_role.value, "the service", _in_order(actions)


def policy_markdown() -> str:
    """Two tables: what each role may do, and what that means."""
    roles = [
        f"| {role} | {held_on} | {', '.join(f'`{a.value}`' for a in actions) or 'nothing more'} |"
        for role, held_on, actions in policy_rows()
    ]
    actions = [f"| `{action.value}` | {meaning} |" for action, meaning in MEANINGS.items()]
    return "\n".join(
        [
            *("| role | on | allows |", "|---|---|---|", *roles, ""),
            *("| action | means |", "|---|---|", *actions),
        ]
    )


def _in_order(actions: frozenset[Action]) -> list[Action]:
    return [action for action in Action if action in actions]
