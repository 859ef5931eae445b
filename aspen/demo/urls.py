from django.urls import path

from aspen.demo import views

app_name = "demonstration"
urlpatterns = [
    path("recordings/<slug:name>/", views.recording, name="recording"),
    path("meetings/<slug:name>/", views.meeting, name="meeting"),
]
