"""Teams in the operators' console, in place of Django's groups, whose limits nobody sees."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group

from accounts.models import Team

admin.site.unregister(Group)


@admin.register(Team)
class TeamAdmin(GroupAdmin):
    """Django's own of groups, with the limits."""

    list_display: Any = ("name", "requests_per_minute", "tokens_per_day", "tokens_per_month")
    show_full_result_count = False
