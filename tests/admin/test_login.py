"""Logging in to the console: locked against guessing, with a second factor where asked for."""

import base64
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from rest_framework.test import APIClient

from accounts import second_factor
from accounts.models import User
from accounts.models.audit import AuditEntry
from accounts.policy import SiteRole
from accounts.services.audit_buffer import flush_notes
from tests.factories import make_user
from tests.keys import write_key

PASSWORD = "correct horse battery"
HOME, LOGIN = "/admin/", "/admin/login/"


@pytest.fixture
def boss(db: None) -> User:
    """An administrator with a password."""
    user = make_user("boss", SiteRole.ADMIN)
    user.is_staff = True
    user.set_password(PASSWORD)
    user.save(update_fields=["is_staff", "password"])
    return user


@pytest.fixture
def asking(settings: Any) -> Any:
    """Sets how much of a second factor is asked for."""

    def ask(mode: str) -> None:
        settings.EMBED = settings.EMBED.model_copy(update={"admin_otp": mode})

    return ask


def log_in(browser: Client | None = None, **fields: str) -> Client:
    browser = browser or Client()
    browser.post(LOGIN, {"username": "boss", "password": PASSWORD, **fields})
    return browser


def is_in(browser: Client) -> bool:
    return browser.get(HOME).status_code == 200


def current_code(address: str, *, later: int = 0) -> str:
    """What the authenticator app shows, `later` steps from now."""
    secret = parse_qs(urlsplit(address).query)["secret"][0]
    totp = TOTP(base64.b32decode(secret))
    totp.time = time.time() + 30 * later
    return f"{totp.token():06d}"


def test_it_works(boss: User) -> None:
    assert is_in(log_in())
    assert not is_in(log_in(password="wrong"))
    assert b"code" not in Client().get(LOGIN).content


def test_too_many_wrong_passwords_lock_the_user_at_the_address(boss: User, settings: Any) -> None:
    body = {"username": "boss", "password": "wrong"}
    answers = [Client().post(LOGIN, body) for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert [a.status_code for a in answers] == [200] * (len(answers) - 1) + [429]
    assert answers[-1]["Retry-After"] == "900"
    assert not is_in(log_in())
    assert is_in(log_in(Client(REMOTE_ADDR="192.0.2.7")))
    assert Client().post(LOGIN, {"username": "else", "password": "x"}).status_code != 429


def test_a_name_that_nobody_can_have(boss: User) -> None:
    response = Client().post(LOGIN, {"username": "x" * 6000, "password": "wrong"})
    assert response.status_code == 200
    assert b"at most 150 characters" in response.content


def test_a_client_of_ipv6_is_locked_at_all_its_addresses(boss: User, settings: Any) -> None:
    body = {"username": "boss", "password": "wrong"}
    limit = settings.AXES_FAILURE_LIMIT
    answers = [Client(REMOTE_ADDR=f"2001:db8::{at}").post(LOGIN, body) for at in range(limit)]
    assert answers[-1].status_code == 429
    assert not is_in(log_in(Client(REMOTE_ADDR="2001:db8::1:2:3:4")))
    assert is_in(log_in(Client(REMOTE_ADDR="2001:db8:0:1::1")))


def test_a_spoofed_address_is_no_other_address(boss: User, settings: Any) -> None:
    body = {"username": "boss", "password": "wrong"}
    for number in range(settings.AXES_FAILURE_LIMIT):
        Client().post(LOGIN, body, headers={"X-Forwarded-For": f"192.0.2.{number}"})
    assert not is_in(log_in())


def test_a_success_forgets_the_failures(boss: User, settings: Any) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        log_in(password="wrong")
    assert is_in(log_in())
    log_in(password="wrong")
    assert is_in(log_in())


@pytest.mark.parametrize("mode", ["optional", "required"])
def test_a_second_factor_is_asked_of_who_has_one(boss: User, asking: Any, mode: str) -> None:
    address, codes = second_factor.enrol(user=boss)
    asking(mode)
    assert b"code" in Client().get(LOGIN).content
    for wrong in ("", "000000", "AAAAAAAAAAAAAAAA"):
        assert not is_in(log_in(code=wrong))
    wait_no_more()
    code = current_code(address)
    assert is_in(log_in(code=code))
    assert not is_in(log_in(code=code))  # once
    wait_no_more()
    assert is_in(log_in(code=codes[0].lower()))
    assert not is_in(log_in(code=codes[0]))


def test_who_has_none_is_kept_out_where_it_is_required(boss: User, asking: Any) -> None:
    asking("optional")
    assert is_in(log_in())
    asking("required")
    assert not is_in(log_in())


def test_a_session_from_before_is_asked_again(boss: User, asking: Any) -> None:
    browser = log_in()
    assert is_in(browser)
    asking("required")
    assert not is_in(browser)
    second_factor.enrol(user=boss)
    asking("optional")
    assert not is_in(browser)


def test_a_wrong_code_makes_the_device_wait(boss: User, asking: Any, settings: Any) -> None:
    settings.OTP_TOTP_THROTTLE_FACTOR = 3600  # 1 s may be over before the next code is read
    address, _ = second_factor.enrol(user=boss)
    asking("required")
    log_in(code="000000")
    assert not is_in(log_in(code=current_code(address)))
    wait_no_more()
    assert is_in(log_in(code=current_code(address)))


def test_a_wrong_code_says_nothing_of_the_password(boss: User, asking: Any) -> None:
    second_factor.enrol(user=boss)
    asking("required")
    pages = [
        Client().post(LOGIN, {"username": "boss", "password": password, "code": "000000"})
        for password in (PASSWORD, "wrong")
    ]
    errors = [page.context["form"].errors.as_data() for page in pages]
    assert repr(errors[0]) == repr(errors[1])


def test_the_api_asks_for_it_too(boss: User, asking: Any, settings: Any, tmp_path: Any) -> None:
    address, _ = second_factor.enrol(user=boss)
    changes = {"jwt": True, "jwt_key_file": write_key(tmp_path / "key.pem")}
    settings.EMBED = settings.EMBED.model_copy(update=changes)
    asking("optional")
    body = {"username": "boss", "password": PASSWORD}
    assert APIClient().post("/v1/auth/token", body).status_code == 401
    wait_no_more()
    body["code"] = current_code(address)
    assert APIClient().post("/v1/auth/token", body).status_code == 200


def test_printed_codes_are_stored_as_hashes(boss: User) -> None:
    _, codes = second_factor.enrol(user=boss)
    stored = {row.token for row in StaticToken.objects.all()}
    assert len(stored) == len(codes) == 10
    assert not stored & {*codes, *(code.lower() for code in codes)}
    assert codes[0] not in repr(list(AuditEntry.objects.values_list()))


def test_enrolling_again_ends_what_was_before(boss: User, asking: Any) -> None:
    old, _ = second_factor.enrol(user=boss)
    new, _ = second_factor.enrol(user=boss)
    asking("required")
    assert not is_in(log_in(code=current_code(old)))
    wait_no_more()
    assert is_in(log_in(code=current_code(new)))
    second_factor.remove(user=boss)
    assert not is_in(log_in(code=current_code(new, later=1)))


def test_logins_are_on_record_refused_ones_too(boss: User) -> None:
    log_in(password="secret that was mistyped")
    log_in()
    flush_notes()
    entries = AuditEntry.objects.filter(event="session.create").order_by("outcome")
    told = [(e.outcome, e.username, e.credential, e.address) for e in entries]
    assert told == [("denied", "", "", "127.0.0.1"), ("success", "boss", "session", "127.0.0.1")]
    assert "mistyped" not in repr(list(AuditEntry.objects.values_list()))


def test_the_session_ends_with_the_browser_and_in_time(boss: User, settings: Any) -> None:
    browser = log_in()
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["expires"], cookie["max-age"]) == ("", "")
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert browser.session.get_expiry_age() == settings.EMBED.admin_session_s == 8 * 3600


def wait_no_more() -> None:
    """As if the time that a failure costs were over."""
    for kind in (StaticDevice, TOTPDevice):
        kind.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
