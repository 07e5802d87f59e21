"""Users and their credentials."""

from accounts.models.api_token import ApiToken
from accounts.models.user import User

__all__ = ["ApiToken", "User"]
