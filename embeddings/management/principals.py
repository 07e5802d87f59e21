"""In whose name a command acts."""

from django.core.management.base import CommandError
from django.db.models import Q

from accounts.models import User
from accounts.policy import SiteRole
from accounts.principal import Principal


def principal_for(username: str | None) -> Principal:
    """The user of that name, or the first administrator. Raises CommandError."""
    users = User.objects.filter(is_active=True).order_by("pk")
    if username is not None:
        user = users.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no active user {username}.")
        return user.as_principal()
    user = users.filter(Q(is_superuser=True) | Q(role=SiteRole.ADMIN.value)).first()
    if user is None:
        raise CommandError("There is no administrator yet; `serve` makes one.")
    return user.as_principal()
