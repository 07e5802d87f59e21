"""Codes beside the password, by django-otp: of an authenticator app, or from a list that was
printed.
"""

import base64
import hashlib
import os

from django.conf import settings
from django.db import transaction
from django_otp import devices_for_user, user_has_device, verify_token
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import User
from accounts.services.audit import record

PRINTED_CODES = 10
CODE_BYTES = 10
HASH_CHARS = 16
"""What django-otp has room for; a code of 80 random bits is not found from 64 of its hash."""


def passes(user: User, code: str) -> bool:
    """Whether the code is all that the configuration asks of the user besides the password.

    The device that knew it is `user.otp_device` from then on, which a session remembers. A wrong
    code makes its device wait, longer each time.
    """
    mode = settings.EMBED.admin_otp
    if mode == "off":
        return True
    from_app = code.isascii() and code.isdigit()
    # At the devices of its kind alone, as each failure is counted.
    kind, spelled = (TOTPDevice, code) if from_app else (StaticDevice, _hashed(code))
    devices = list(devices_for_user(user))
    for device in devices:
        if isinstance(device, kind) and verify_token(user, device.persistent_id, spelled):
            user.otp_device = device  # type: ignore[attr-defined]
            return True
    return not devices and bool(mode == "optional")


def is_proven(user: User) -> bool:
    """Whether the user's session began with all that the configuration asks for now. The user is
    one that OTPMiddleware has seen.
    """
    mode = settings.EMBED.admin_otp
    if mode == "off" or user.is_verified():  # type: ignore[attr-defined]
        return True
    return mode == "optional" and not user_has_device(user)


def is_enrolled(*, user: User) -> bool:
    """Whether the user has a second factor."""
    return bool(user_has_device(user))


def enrol(*, user: User) -> tuple[str, list[str]]:
    """A new second factor in place of the user's old one: the address for an authenticator app,
    which holds the secret, and codes that are good once each. Neither is shown again.
    """
    codes = [base64.b32encode(os.urandom(CODE_BYTES)).decode() for _ in range(PRINTED_CODES)]
    with transaction.atomic():
        _delete_devices(user)
        app = TOTPDevice.objects.create(user=user, name="app")
        printed = StaticDevice.objects.create(user=user, name="printed codes")
        StaticToken.objects.bulk_create(
            StaticToken(device=printed, token=_hashed(code)) for code in codes
        )
        record(event="second_factor.create", object_type="user", object_id=str(user.pk))
    return app.config_url, codes


def remove(*, user: User) -> None:
    """The user logs in with the password alone, or not at all where a second factor is required."""
    with transaction.atomic():
        _delete_devices(user)
        record(event="second_factor.delete", object_type="user", object_id=str(user.pk))


def _delete_devices(user: User) -> None:
    for device in devices_for_user(user, confirmed=None):
        device.delete()


def _hashed(code: str) -> str:
    return hashlib.sha256(code.upper().encode()).hexdigest()[:HASH_CHARS]
