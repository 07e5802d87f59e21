"""The door of every view: no declared action, no entry."""

from typing import TYPE_CHECKING

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.exceptions import ActionForbidden
from accounts.policy import Action
from accounts.principal import Principal
from accounts.services.rates import admit

if TYPE_CHECKING:  # rest_framework.views itself imports the default permissions
    from rest_framework.views import APIView

NO_HANDLER = (None, "metadata")
"""What a view set calls a method that it has no handler for, and OPTIONS."""


def principal_of(request: Request) -> Principal:
    """Whoever DeclaredAction let in. Raises NotAuthenticated for a stranger, whom it never lets
    in.
    """
    if not isinstance(request.auth, Principal):
        raise NotAuthenticated
    return request.auth


def operator_of(request: Request) -> Principal:
    """Whoever DeclaredAction let in, if it operates the service. Raises ActionForbidden."""
    return _if_it_may(Action.OPERATE, request)


def admin_of(request: Request) -> Principal:
    """Whoever DeclaredAction let in, if it administers the service. Raises ActionForbidden."""
    return _if_it_may(Action.ADMINISTER, request)


def _if_it_may(action: Action, request: Request) -> Principal:
    principal = principal_of(request)
    if not principal.may(action):
        raise ActionForbidden(action=action.value)
    return principal


class DeclaredAction(BasePermission):
    """Lets an authenticated principal in where the view declares an action for the method.

    Actions on a collection are decided where the collection is fetched, by `visible_to`.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """False for strangers, and for methods whose action the view does not declare. From here
        on the principal pays. Raises RateLimited.
        """
        if not isinstance(request.auth, Principal):
            return False
        admit(request, principal=request.auth)
        name = getattr(view, "action", None)
        if name in NO_HANDLER:
            return True  # Django REST framework answers 405
        actions: dict[str, Action] = getattr(view, "actions", {})
        action = actions.get(name)
        return action is not None and request.auth.in_scope(action)
