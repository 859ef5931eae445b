"""Every address of the portal. People bookmark these, so they do not change."""

from django.contrib import admin
from django.urls import include, path

from aspen import views

urlpatterns = [
    path("", views.home, name="home"),
    path("events/", include("events.urls")),
    path("continuing-education/", include("credits.urls")),
    path("", include("tracks.urls")),
    path("help/", include("helpdesk.urls")),
    path("accounts/", include("accounts.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("accessibility/", views.accessibility, name="accessibility"),
    path("admin/", admin.site.urls),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]

handler400 = "aspen.views.bad_request"
handler403 = "aspen.views.permission_denied"
handler404 = "aspen.views.not_found"
handler500 = "aspen.views.server_error"
