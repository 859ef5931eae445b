from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("profile/", views.profile, name="profile"),
    path("profile/reminders/", views.set_reminders, name="set_reminders"),
    path("profile/progress/", views.set_shows_progress, name="set_shows_progress"),
    path("reminders/<str:token>/", views.reminders, {"about": "events"}, name="reminders"),
    path(
        "reminders/certification/<str:token>/",
        views.reminders,
        {"about": "certification"},
        name="certification_reminders",
    ),
    path("profile/positions/", views.add_position, name="add_position"),
    path("profile/positions/undo/", views.undo_end_position, name="undo_end_position"),
    path("profile/positions/<int:position_id>/end/", views.end_position, name="end_position"),
]
