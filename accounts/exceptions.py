"""The root of every error that a caller may see: plain Python, mapped to RFC 9457 by the web
layer.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar


class Problem(Exception):
    """The request could not be served."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"

    def __init__(self, *, param: str | None = None, **values: Any) -> None:
        """Fill the class docstring, which is the message, with `values`; `param` names the field
        at fault.
        """
        self.param = param
        self.values = values
        template = inspect.cleandoc(type(self).__doc__ or "").replace("\n", " ")
        self.detail = template.format(**values)
        super().__init__(self.detail)

    @property
    def errors(self) -> list[dict[str, str]]:
        """One entry per field at fault: `{param, code, detail}`."""
        if self.param is None:
            return []
        return [{"param": self.param, "code": self.code, "detail": self.detail}]

    @property
    def headers(self) -> dict[str, str]:
        """Headers that the answer must carry, such as `Retry-After`."""
        return {}


@contextmanager
def within(place: str) -> Iterator[None]:
    """What is found at fault inside is told as a fault at this place of the request."""
    try:
        yield
    except Problem as problem:
        problem.param = place if problem.param is None else f"{place}.{problem.param}"
        raise


class AccountsError(Problem):
    """The caller could not be identified or may not do this."""


class InvalidToken(AccountsError):
    """The API token is not valid: it is mistyped, expired, revoked or belongs to an inactive user.
    Send a current one as `Authorization: Bearer <token>`."""

    status = 401
    code = "invalid_token"
    title = "Not authenticated"


class ActionForbidden(AccountsError):
    """Your role does not allow the action `{action}` here. Ask the owner or an administrator for
    it.
    """

    status = 403
    code = "forbidden"
    title = "Forbidden"


class NotFound(AccountsError):
    """There is nothing here by that name that you may see."""

    status = 404
    code = "not_found"
    title = "Not found"
