"""The WSGI application that gunicorn serves."""

import os
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from embedsite.addresses import ENGINE_DOOR
from embedsite.databases import end_long_statements

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "embedsite.settings")


def with_engine_door(django: "WSGIApplication") -> "WSGIApplication":
    """Our own processes come in by the engine's door, the only Unix socket; others by Django."""
    from embeddings.views.door import application as door

    def either(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        at_the_door = environ["gunicorn.socket"].family == socket.AF_UNIX
        return (door if at_the_door else django)(environ, start_response)

    return either


application: "WSGIApplication" = get_wsgi_application()
end_long_statements(settings.EMBED.request_timeout_s)
if os.environ.get(ENGINE_DOOR):
    application = with_engine_door(application)
