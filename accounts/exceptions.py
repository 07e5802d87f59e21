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
    retry_after_s: ClassVar[int | None] = None

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
        """Headers that the answer must carry: `Retry-After`, where it is known when to come back,
        by the value `retry_after` or the class's own.
        """
        seconds = self.values.get("retry_after", self.retry_after_s)
        return {} if seconds is None else {"Retry-After": str(seconds)}


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
    """The credential is not valid: it is mistyped, expired, revoked or belongs to an inactive user.
    Send a current one as `Authorization: Bearer <token>`."""

    status = 401
    code = "invalid_token"
    title = "Not authenticated"


class InvalidLogin(AccountsError):
    """The user name, the password or the code is wrong, or the user is not active."""

    status = 401
    code = "invalid_login"
    title = "Not authenticated"


class ExceedsCredential(AccountsError):
    """A token can't be given more than the credential that makes it has. Leave the field out, or
    narrow it."""

    status = 403
    code = "exceeds_credential"
    title = "Forbidden"


class InvalidNetwork(AccountsError):
    """The network is none. Send addresses such as `10.0.0.0/8` or `2001:db8::/32`, without bits
    behind the prefix."""

    status = 400
    code = "invalid_network"
    title = "Invalid request"


class TokenEnded(AccountsError):
    """The token is revoked or expired, and stays so. Make another."""

    status = 409
    code = "token_ended"
    title = "Conflict"


class RateLimited(AccountsError):
    """This {kind} may make {limit} requests a minute. Try again in {retry_after} seconds."""

    status = 429
    code = "rate_limited"
    title = "Too many requests"


class QuotaExceeded(AccountsError):
    """This {kind} may have models read {limit} tokens a {period}; {left} of them are left, and this
    needs {needed}. The next {period} begins in {retry_after} seconds."""

    status = 429
    code = "quota_exceeded"
    title = "Quota exceeded"


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


class InvalidName(AccountsError):
    """{rule}"""

    status = 400
    code = "invalid_name"
    title = "Invalid request"


class UnknownUser(AccountsError):
    """There is no active user `{username}`."""

    status = 400
    code = "unknown_user"
    title = "Invalid request"


class UnknownTeam(AccountsError):
    """There is no team `{team}`."""

    status = 400
    code = "unknown_team"
    title = "Invalid request"


class UserExists(AccountsError):
    """A user named `{username}` exists already. Choose another name."""

    status = 409
    code = "user_exists"
    title = "Conflict"


class TeamExists(AccountsError):
    """A team named `{team}` exists already. Choose another name."""

    status = 409
    code = "team_exists"
    title = "Conflict"


class IdentityTaken(AccountsError):
    """`{subject}` of `{issuer}` is a user already. Remove that link first."""

    status = 409
    code = "identity_taken"
    title = "Conflict"


class LastAdmin(AccountsError):
    """`{username}` is the last active administrator. Make another one first."""

    status = 409
    code = "last_admin"
    title = "Conflict"
