"""Users, teams and their credentials."""

from accounts.models.api_token import ApiToken
from accounts.models.team import Team
from accounts.models.user import User

__all__ = ["ApiToken", "Team", "User"]
