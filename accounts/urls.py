from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("profile/", views.profile, name="profile"),
    path("profile/positions/", views.add_position, name="add_position"),
    path("profile/positions/<int:position_id>/end/", views.end_position, name="end_position"),
]
