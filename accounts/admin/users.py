"""Users in the operators' console."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin

from accounts.models import User

ROLE: Any = ("Role", {"fields": ("role",)})


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """Django's own, with the role in the service."""

    list_display = ("username", "role", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("role", "is_active", "is_staff", "is_superuser")
    show_full_result_count = False
    fieldsets = (*(DjangoUserAdmin.fieldsets or ()), ROLE)
    add_fieldsets = (*DjangoUserAdmin.add_fieldsets, ROLE)
