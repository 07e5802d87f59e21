"""Forgetting credentials that are good for nothing any more."""

from datetime import timedelta

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone
from oauth2_provider.models import clear_expired

from accounts.models import Login


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
