"""What has expired goes, what is good stays."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.utils import timezone
from oauth2_provider.models import AccessToken

from accounts.models import Login
from accounts.services.credential_upkeep import drop_ended_credentials
from tests.factories import make_user


@pytest.mark.django_db
def test_it_works() -> None:
    user, now = make_user(), timezone.now()
    ends = {"ended": now - timedelta(seconds=1), "good": now + timedelta(hours=1)}
    for name, end in ends.items():
        Login.objects.create(user=user, digest=b"", auth_hash=name, expires_at=end)
        Session.objects.create(session_key=name, session_data="", expire_date=end)
        AccessToken.objects.create(user=user, token=name, scope=name, expires=end)
        failed = AccessAttempt.objects.create(username=name, failures_since_start=1)
        began = end - timedelta(seconds=900)
        AccessAttempt.objects.filter(pk=failed.pk).update(attempt_time=began)
    drop_ended_credentials()
    assert Login.objects.get().auth_hash == "good"
    assert Session.objects.get().session_key == "good"
    assert AccessToken.objects.get().scope == "good"
    assert AccessAttempt.objects.get().username == "good"
