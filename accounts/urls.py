from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("profile/", views.profile, name="profile"),
    path("profile/reminders/", views.set_reminders, name="set_reminders"),
    path("profile/progress/", views.set_shows_progress, name="set_shows_progress"),
    path("profile/theme/", views.set_theme, name="set_theme"),
    path("reminders/<str:token>/", views.reminders, {"about": "events"}, name="reminders"),
    path(
        "reminders/certification/<str:token>/",
        views.reminders,
        {"about": "certification"},
        name="certification_reminders",
    ),
    path("profile/positions/", views.add_position, name="add_position"),
    path("profile/positions/undo/", views.undo_positions, name="undo_positions"),
    path("profile/positions/<int:position_id>/end/", views.end_position, name="end_position"),
]
