"""Who acts in a session of the console."""

from django.http import HttpRequest

from accounts.models import User
from accounts.principal import Principal


def principal_of_session(request: HttpRequest) -> Principal:
    """The session's user, with all that it may do."""
    if not isinstance(request.user, User):
        raise TypeError("the console lets users in alone")
    return request.user.as_principal()
