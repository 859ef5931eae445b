"""The portal's URLs. People bookmark them, so they never change."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView

from accounts.views import EmailView, SignUpView
from aspen import views
from helpdesk import welcome_views


def moved_to(pattern_name: str) -> Any:
    """Redirect an old URL to the page's new one, keeping the query string."""
    view = RedirectView.as_view(pattern_name=pattern_name, permanent=True, query_string=True)
    return login_not_required(view)


urlpatterns = [
    path("events/catalogue/", moved_to("events:catalog")),
    path("", views.home, name="home"),
    path("events/", include("events.urls")),
    path("continuing-education/", include("credits.urls")),
    path("attendance/", include("credits.attendance_urls")),
    path("", include("tracks.urls")),
    path("welcome/", welcome_views.welcome, name="welcome"),
    path("help/", include("helpdesk.urls")),
    path("accounts/", include("accounts.urls")),
    path("accounts/signup/", SignUpView.as_view(), name="account_signup"),
    path("accounts/email/", EmailView.as_view(), name="account_email"),
    path("accounts/", include("allauth.account.urls")),
    path("accessibility/", views.accessibility, name="accessibility"),
    path("admin/", admin.site.urls),
    path("demonstration/", include("aspen.demo.urls")),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]

handler400 = "aspen.views.bad_request"
handler403 = "aspen.views.permission_denied"
handler404 = "aspen.views.not_found"
handler500 = "aspen.views.server_error"
