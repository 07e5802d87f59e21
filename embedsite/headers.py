"""What every answer forbids the browser that shows it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""An answer of the API is data: whatever a document in it pretends to be, nothing of it runs."""

CONSOLE = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src-elem 'self';"
    " style-src-attr 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The console's scripts and styles are files of ours: nothing that stands in its pages runs.
Unfold's Alpine evaluates the attributes of its own templates, and its templates have styles in
attributes; no value that callers stored comes into either.
"""

CONSOLE_PATH = "/admin/"

ALWAYS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(),"
        " magnetometer=(), microphone=(), payment=(), usb=()"
    ),
    # Answers hold the caller's documents, tokens even; what may be kept says so itself.
    "Cache-Control": "no-store",
}


def browser_headers(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Adds what Django's SecurityMiddleware has no setting for. A view's own headers stand."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        headers = response.headers
        for name, value in ALWAYS.items():
            headers.setdefault(name, value)
        policy = CONSOLE if request.path_info.startswith(CONSOLE_PATH) else NOTHING
        headers.setdefault("Content-Security-Policy", policy)
        return response

    return middleware
