"""Linking callers from elsewhere with users."""

from typing import Any

from django.db import IntegrityError

from accounts.exceptions import IdentityTaken
from accounts.models import Identity, User
from accounts.models.identity import CERTIFICATES
from accounts.services.callers import forget_callers
from accounts.services.recorded import State, recorded


def link_identity(*, user: User, subject: str, issuer: str = CERTIFICATES) -> Identity:
    """From now on the subject of the issuer is the user. Raises IdentityTaken."""
    identity = Identity(issuer=issuer, subject=subject, user=user)
    try:
        with recorded(noun="identity", row=identity, state=identity_state):
            identity.save(force_insert=True)
    except IntegrityError:
        raise IdentityTaken(issuer=issuer, subject=subject) from None
    return identity


def unlink_identity(*, identity: Identity) -> None:
    """The subject is nobody: here from the next request on, elsewhere within a second."""
    with recorded(noun="identity", row=identity, state=identity_state):
        identity.delete()
    forget_callers()


def identity_state(pk: Any) -> State:
    """What the audit keeps."""
    found = Identity.objects.select_related("user").filter(pk=pk).first()
    if found is None:
        return None
    return {"issuer": found.issuer, "subject": found.subject, "user": found.user.username}
