"""Forgetting credentials that are good for nothing any more."""

from datetime import timedelta

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone
from oauth2_provider.models import clear_expired

from accounts.models import Login, User


def drop_ended_credentials() -> None:
    """Delete logins, sessions and OAuth tokens that have expired, and wrong passwords that lock
    nobody any more.
    """
    now = timezone.now()
    Login.objects.filter(expires_at__lte=now).delete()
    Session.objects.filter(expire_date__lte=now).delete()
    lock = timedelta(seconds=settings.EMBED.login_lock_s)
    AccessAttempt.objects.filter(attempt_time__lte=now - lock).delete()
    clear_expired()


def forget_visits(*, user: User) -> int:
    """End the user's sessions, and forget at which addresses the name was tried; returns how many
    sessions there were. All else that lets the user in goes with it.
    """
    for visits in (AccessAttempt, AccessFailureLog, AccessLog):
        visits.objects.filter(username=user.username).delete()
    ended = 0
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        # Whose it is stands inside of what it stores only.
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            session.delete()
            ended += 1
    return ended
