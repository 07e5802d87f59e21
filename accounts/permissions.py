"""The door of every view: no declared action, no entry."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.policy import EVERYONE, Action
from accounts.principal import Principal


class DeclaredAction(BasePermission):
    """Lets an authenticated principal in where the view declares an action for the method.

    Actions on a collection are decided where the collection is fetched, by `visible_to`.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        """False for strangers, and for methods whose action the view does not declare."""
        if not isinstance(request.auth, Principal):
            return False
        name = getattr(view, "action", None)
        if name is None:
            return True  # no such method here: Django REST framework answers 405
        actions: dict[str, Action] = getattr(view, "actions", {})
        action = actions.get(name)
        return action is not None and (action not in EVERYONE or request.auth.may(action))
