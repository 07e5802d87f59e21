"""Django's settings, derived from the typed configuration, which is loaded here, once."""

import hashlib
import sys
from datetime import timedelta

from accounts.oauth_settings import provider_settings
from embedsite.caches import cache_settings
from embedsite.config import ConfigError
from embedsite.config_live import GROUPS
from embedsite.config_sources import load
from embedsite.console import THEME
from embedsite.databases import database_settings

try:
    LOADED = load(argv=sys.argv)
    DATABASES = {"default": database_settings(LOADED.config)}
except ConfigError as error:
    print(error, file=sys.stderr)  # noqa: T201 - logging is not set up yet
    sys.exit(2)

EMBED = LOADED.config
"""What is set live takes its place while the service runs; LOADED keeps what was configured."""
LIVE_OPTIONS = GROUPS
PRODUCTION = EMBED.mode == "production"

DEBUG = EMBED.debug
SECRET_KEY = EMBED.secret_key.get_secret_value()
ALLOWED_HOSTS = EMBED.allowed_hosts
CSRF_TRUSTED_ORIGINS = EMBED.csrf_trusted_origins

INSTALLED_APPS = [
    "embedsite",
    # Before ours, whose pages take the place of theirs.
    "axes",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "oauth2_provider",
    "embeddings",
    "accounts",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.inlines",
    "accounts.console.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_prometheus",
    "procrastinate.contrib.django",
]

MIDDLEWARE = [
    "embedsite.middleware.telemetry",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "embedsite.proxies.believe_proxies",
    "embedsite.headers.browser_headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "embedsite.admission.Admission",
    "embedsite.body.BodyLimit",
    # Whatever reads forms, a stranger's too: only of requests that are admitted, and not too large.
    "embedsite.browsers.PagesBegin",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "embedsite.middleware.session_actor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "embedsite.browsers.PagesEnd",
    "axes.middleware.AxesMiddleware",  # people log in to the API, too
    "embedsite.counting.CountingMiddleware",
]
# Its own begin at 10 ms, by when most answers are out.
PROMETHEUS_LATENCY_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

ROOT_URLCONF = "embedsite.urls"
WSGI_APPLICATION = "embedsite.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "accounts.backends.RoleBackend"]
LOGIN_URL = "oauth-login"
# The first is for passwords; the other, for secrets that need no stretching, is named where used.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "accounts.hashers.RandomSecretHasher",
]

# A user is locked at an address, so that a stranger elsewhere can't lock him out.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = EMBED.login_attempts
AXES_COOLOFF_TIME = timedelta(seconds=EMBED.login_lock_s)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "accounts.addresses.login_address"
AXES_LOCKOUT_CALLABLE = "embedsite.errors.locked_out"
AXES_SENSITIVE_PARAMETERS = ["code", "csrfmiddlewaretoken", "ip_address", "next", "username"]
AXES_DISABLE_ACCESS_LOG = True  # the audit has it
AXES_VERBOSE = False
OTP_TOTP_ISSUER = "Embedding service"
OTP_ADMIN_HIDE_SENSITIVE_DATA = True
OAUTH2_PROVIDER = provider_settings(
    access_s=EMBED.oauth_access_s, refresh_s=EMBED.oauth_refresh_s, https_only=PRODUCTION
)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LOGGING_CONFIG = "embedsite.logging.configure"
LOGGING = {"level": EMBED.log_level, "format": EMBED.log_format}

UNFOLD = THEME

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
# Served from the installed packages, so that nobody has to run collectstatic.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

CACHES = cache_settings(EMBED)

DATA_UPLOAD_MAX_MEMORY_SIZE = EMBED.max_body_bytes
# No page takes files in a form: none of them comes onto the disk.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

# Two services on one host must not log each other's operators out.
_instance = hashlib.sha256(SECRET_KEY.encode()).hexdigest()[:8]
_year = 365 * 86_400 if PRODUCTION else 0
# A browser takes a cookie of such a name from this very host alone, over TLS alone.
_prefix = "__Host-" if PRODUCTION else ""
SESSION_COOKIE_NAME = f"{_prefix}embed_session_{_instance}"
CSRF_COOKIE_NAME = f"{_prefix}embed_csrf_{_instance}"
SESSION_COOKIE_AGE = EMBED.admin_session_s
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = EMBED.hsts_seconds if EMBED.hsts_seconds is not None else _year
SECURE_HSTS_INCLUDE_SUBDOMAINS = EMBED.hsts_subdomains
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # EMBED_HSTS_SUBDOMAINS: what else is under the domain is not ours to say
    # A client that sends its token in clear must fail, not be led to where it works. A browser
    # is redirected by the proxy, or has no session, whose cookie is Secure.
    "security.W008",
    "security.W021",  # the list that browsers ship is of whole domains, not of services
]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if EMBED.behind_tls_proxy else None
X_FRAME_OPTIONS = "DENY"

if EMBED.cors_origins:
    INSTALLED_APPS.append("corsheaders")
    # Before whatever may refuse: a browser shows its page no answer without these headers.
    MIDDLEWARE.insert(1, "corsheaders.middleware.CorsMiddleware")
CORS_ALLOWED_ORIGINS = EMBED.cors_origins
CORS_URLS_REGEX = r"^/v[12]/"
CORS_ALLOW_HEADERS = [
    "api-version",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-type",
    "idempotency-key",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = [
    "API-Version",
    "Deprecation",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "X-Request-Id",
]
CORS_PREFLIGHT_MAX_AGE = 600

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.AnyCredential"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.DeclaredAction"],
    "DEFAULT_SCHEMA_CLASS": "embedsite.openapi.OperationSchema",
    "DEFAULT_RENDERER_CLASSES": ["embedsite.renderers.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["embedsite.parsers.OrjsonParser"],
    "DEFAULT_VERSIONING_CLASS": "embedsite.versioning.UrlOrHeader",
    "DEFAULT_VERSION": "1",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "embedsite.negotiation.AcceptNegotiation",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "embedsite.errors.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Embedding service",
    "VERSION": "1",
    "DESCRIPTION": "Documents in, ranked documents out: text, metadata and vectors in PostgreSQL.",
    "OAS_VERSION": "3.1.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/v1",
    "PREPROCESSING_HOOKS": ["embedsite.openapi.without_aliases"],
    # Choices stay where they are used: as components they would need names that never collide.
    "POSTPROCESSING_HOOKS": [
        "embedsite.openapi.with_policy",
        "embedsite.openapi.with_error_codes",
    ],
    "PATH_CONVERTER_OVERRIDES": {"anything": str},
}
