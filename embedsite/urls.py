"""The site's URLs: the product's routes and the operators' console."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from embedsite.errors import not_found

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("embeddings.urls")),
    path("", include("accounts.urls")),
    # A request of the API has no form's token, wherever it goes.
    re_path("", csrf_exempt(not_found), name="unmatched"),
]

handler400 = "embedsite.errors.bad_request"
handler403 = "embedsite.errors.permission_denied"
handler404 = "embedsite.errors.not_found"
handler500 = "embedsite.errors.server_error"
