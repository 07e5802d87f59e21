"""The app of the operators' console: Django's, with logins as we ask for them."""

from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """Django's admin with a site of our own."""

    default_site = "accounts.admin_site.ConsoleSite"
