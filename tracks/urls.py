from django.urls import path

from tracks import views

app_name = "tracks"
urlpatterns = [
    # These two need to know where a credit is posted, so they live here and not in credits/.
    path("continuing-education/", views.panel, name="panel"),
    path("continuing-education/credits/", views.my_credits, name="credits"),
    path("tracks/", views.choose, name="choose"),
    path("tracks/<int:participation_id>/", views.progress, name="progress"),
    path("tracks/<int:participation_id>/leave/", views.leave, name="leave"),
]
