"""The first user of a new service: `admin`, with a password and a token that are shown once."""

import secrets

from django.db import transaction

from accounts.models import User
from accounts.policy import SiteRole
from accounts.services.tokens import create_api_token
from accounts.services.users import changing
from embedsite.introduction import FIRST_USER, Credentials


def ensure_first_user() -> Credentials | None:
    """Make `admin` when there is no user at all; None when there is one."""
    if User.objects.exists():
        return None
    password = secrets.token_urlsafe(18)
    user = User(username=FIRST_USER, role=SiteRole.ADMIN.value, is_staff=True, is_superuser=True)
    user.set_password(password)
    with transaction.atomic():
        with changing(user):
            user.save()
        _, token = create_api_token(user=user, name="first")
    return Credentials(password=password, token=token)
