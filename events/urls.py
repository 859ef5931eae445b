from django.urls import path

from events.views import calendar, event, registration

app_name = "events"
urlpatterns = [
    path("", calendar.calendar, name="calendar"),
    path("<int:pk>/", event.detail, name="detail"),
    # Before the slugs: an event may well be called "Register".
    path("<int:pk>/register/", registration.register, name="register"),
    path("<int:pk>/cancel/", registration.cancel, name="cancel"),
    path("<int:pk>/<slug:slug>/", event.detail, name="detail"),
]
