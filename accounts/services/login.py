"""Logging in to the API with a password."""

from collections.abc import Iterable

from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest

from accounts.exceptions import InvalidLogin
from accounts.models import User
from accounts.policy import Action
from accounts.second_factor import passes
from accounts.services.jwt import TokenPair, start_login


def log_in(
    *,
    request: HttpRequest,
    username: str,
    password: str,
    code: str = "",
    scopes: Iterable[Action] | None = None,
) -> TokenPair:
    """The tokens of a new login, narrowed to the scopes. `request` tells django-axes the address,
    at which too many wrong passwords lock the user. Raises InvalidLogin, whatever is wrong.
    """
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, User) or not passes(user, code.strip()):
        raise InvalidLogin
    user_logged_in.send(sender=User, request=request, user=user)
    return start_login(user=user, scopes=scopes)
