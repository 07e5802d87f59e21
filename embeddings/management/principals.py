"""In whose name a command acts."""

from django.core.management.base import CommandError

from accounts.models import User
from accounts.principal import Principal
from accounts.services.users import administrators


def principal_for(username: str | None) -> Principal:
    """The user of that name, or the first administrator. Raises CommandError."""
    if username is not None:
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {username}.")
        return user.as_principal()
    user = administrators().order_by("pk").first()
    if user is None:
        raise CommandError("There is no administrator yet; `serve` makes one.")
    return user.as_principal()
