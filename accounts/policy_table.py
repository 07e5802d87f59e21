"""The policy as people read it: by a command, in the README and in the API's documentation."""

from collections.abc import Iterator

from accounts.policy import EVERYONE, ROLE_ACTIONS, SITE_ROLE_ACTIONS, Action

MEANINGS: dict[Action, str] = {
    Action.ME: "see who one is",
    Action.TOKENS: "make and revoke one's own API tokens",
    Action.USAGE: "see one's own use",
    Action.EMBED: "embed and rerank texts",
    Action.CREATE_COLLECTION: "make collections, which one then owns",
    Action.READ: "see collections, their documents and statistics",
    Action.SEARCH: "search",
    Action.WRITE: "add, change and delete documents",
    Action.MANAGE: "change, share and delete collections",
    Action.AUDIT: "read the record of who did what",
    Action.OPERATE: "see and cancel jobs, build indexes, clear caches",
    Action.ADMINISTER: "make and change users and teams",
}


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
