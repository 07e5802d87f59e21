"""The site's URLs: the product's routes, the operators' console and telemetry."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
]
if find_spec("embeddings.urls"):
    urlpatterns.append(path("", include("embeddings.urls")))
