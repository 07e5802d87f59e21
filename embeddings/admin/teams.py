"""Teams in the operators' console, in place of Django's groups, whose limits nobody sees."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.forms import ModelForm
from django.http import HttpRequest

from accounts.admin.administered import Administered, may_administer
from accounts.admin.theme import TabularInline
from accounts.console_page import principal_of_session
from accounts.models import Team, User
from accounts.models.limits import LIMITS
from accounts.names import validate_name
from accounts.services.teams import changing, delete_team
from embeddings.services.account_summaries import team_summary

admin.site.unregister(Group)


class TeamForm(ModelForm):
    """Keeps names that have an address in the API."""

    def clean_name(self) -> str:
        """Raises ValidationError."""
        name: str = self.cleaned_data["name"]
        validate_name(name)
        return name


class MemberInline(TabularInline):
    """A team's members."""

    model = User.groups.through
    fk_name = "group"
    autocomplete_fields = ("user",)
    verbose_name, verbose_name_plural = "member", "members"
    hide_title = True
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees the team."""
        return request.user.has_perm("accounts.view_team")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For administrators."""
        return may_administer(request)

    has_change_permission = has_delete_permission = has_add_permission


@admin.register(Team)
class TeamAdmin(Administered, GroupAdmin):
    """Django's own of groups, with the limits and the members."""

    form = TeamForm
    fields = ("name", *LIMITS)
    inlines = (MemberInline,)
    list_display: Any = ("name", *LIMITS)
    change_form_outer_before_template = "console/team_summary.html"

    def about(self, request: HttpRequest, row: Team) -> dict[str, Any]:
        """What the team may and uses."""
        found = team_summary(principal=principal_of_session(request), team=row)
        return {"team_summary": found, "may_administer": may_administer(request)}

    def save_model(self, request: HttpRequest, obj: Team, form: ModelForm, change: bool) -> None:
        """On record."""
        with changing(obj):
            super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The members too."""
        with changing(form.instance):
            super().save_related(request, form, formsets, change)

    def delete_model(self, request: HttpRequest, obj: Team) -> None:
        """Through the service."""
        delete_team(team=obj)
