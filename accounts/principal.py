"""The caller of a request, as every layer below the views knows it."""

from dataclasses import dataclass

from accounts.policy import EVERYONE, SITE_ROLE_ACTIONS, Action, SiteRole


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, and with which credential."""

    user_id: int
    username: str
    role: SiteRole
    token_id: int | None = None

    def may(self, action: Action) -> bool:
        """Whether the action needs no particular collection, or the site role allows it on all of
        them.
        """
        return action in EVERYONE or action in SITE_ROLE_ACTIONS[self.role]
