"""Users, teams and their credentials."""

from accounts.models.api_token import ApiToken
from accounts.models.audit import AuditEntry, Outcome
from accounts.models.budget import SpentTokens
from accounts.models.identity import Identity
from accounts.models.login import Login
from accounts.models.team import Team
from accounts.models.user import User

__all__ = ["ApiToken", "AuditEntry", "Identity", "Login", "Outcome", "SpentTokens", "Team", "User"]
