"""The console's menu, by task; what a session may not open is not in it."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts.console_page import session_may
from accounts.policy import Action

Entry = tuple[str, str, str, str | Action]

MENU: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    ("Overview", (("Dashboard", "monitoring", "index", Action.ME),)),
    (
        "Data",
        (
            ("Collections", "database", "embeddings_collection_changelist", "view_collection"),
            ("Documents", "article", "embeddings_document_changelist", "view_document"),
            ("Models", "neurology", "models", Action.OPERATE),
        ),
    ),
    (
        "Search",
        (("Playground", "manage_search", "playground", Action.OPERATE),),
    ),
    (
        "Access",
        (
            ("Users", "person", "accounts_user_changelist", "view_user"),
            ("Teams", "groups", "accounts_team_changelist", "view_team"),
            ("Grants", "assignment_ind", "embeddings_grant_changelist", "view_grant"),
            ("API tokens", "key", "accounts_apitoken_changelist", "view_apitoken"),
            ("Audit log", "policy", "audit", Action.AUDIT),
            ("Limits", "speed", "limits", Action.OPERATE),
            ("Identities", "badge", "accounts_identity_changelist", "view_identity"),
            ("Logins", "login", "accounts_login_changelist", "view_login"),
            ("Sessions", "devices", "sessions", Action.ADMINISTER),
            ("Second factors", "pin", "otp_totp_totpdevice_changelist", "view_totpdevice"),
            ("Locks", "lock_clock", "axes_accessattempt_changelist", "view_accessattempt"),
            ("Applications", "apps", "oauth2_provider_application_changelist", "view_application"),
        ),
    ),
    (
        "Operations",
        (
            ("Jobs", "pending_actions", "embeddings_job_changelist", "view_job"),
            ("Maintenance", "build", "maintenance", Action.OPERATE),
            ("Cache", "memory", "cache", Action.OPERATE),
            ("Settings", "tune", "settings", Action.OPERATE),
            ("Usage", "payments", "usage", Action.OPERATE),
        ),
    ),
)
"""Each group's title and entries: their titles, icons (of Material Symbols), the names of their
pages, and what one needs to see them: a permission of a model's page, the action of another."""


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """As unfold's SIDEBAR wants it."""
    return [
        {"title": group, "separator": True, "items": items}
        for group, entries in MENU
        if (items := [_item(*entry) for entry in entries if _may_open(request, *entry)])
    ]


def _item(title: str, icon: str, page: str, _needs: str | Action) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse(f"admin:{page}")}


def _may_open(
    request: HttpRequest, _title: str, _icon: str, page: str, needs: str | Action
) -> bool:
    if isinstance(needs, Action):
        return session_may(request, needs)
    app = page.removesuffix(f"_{needs.removeprefix('view_')}_changelist")
    return bool(request.user.has_perm(f"{app}.{needs}"))
