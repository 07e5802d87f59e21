"""What strangers send to the console is not read before it is known to be small."""

from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.test import Client

IMPORT = "/admin/documents/import/"
LOGIN = "/admin/login/"
HALF = b"x" * (3 * 1024 * 1024)


@pytest.fixture
def stranger() -> Client:
    """Whose cookie is of his own making."""
    client = Client(enforce_csrf_checks=True)
    client.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    return client


@pytest.mark.parametrize("url", [IMPORT, LOGIN])
def test_a_large_form_is_not_read(stranger: Client, url: str, settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"max_body_bytes": len(HALF)})
    form = {"file": SimpleUploadedFile("a.bin", 2 * HALF)}

    answer = stranger.post(url, form)

    assert answer.status_code == 413
    assert not hasattr(answer.wsgi_request, "_post")


def test_no_file_of_a_form_comes_onto_the_disk(
    stranger: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[bytes] = []
    monkeypatch.setattr(
        TemporaryFileUploadHandler,
        "receive_data_chunk",
        lambda _handler, data, _start: written.append(data),
    )

    assert stranger.post(LOGIN, {"file": SimpleUploadedFile("a.bin", HALF)}).status_code == 403
    assert not written
