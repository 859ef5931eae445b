from django.urls import path

from events.enums import KeyPurpose
from events.views import (
    attendance,
    calendar,
    checkin,
    editing,
    event,
    feeds,
    material,
    registration,
    repeating,
)

app_name = "events"
urlpatterns = [
    path("", calendar.calendar, name="calendar"),
    path("manage/", editing.manage, name="manage"),
    path("manage/new/", editing.create, name="create"),
    path("mine/", registration.mine, name="mine"),
    path("mine/feed/", registration.keep_key, {"purpose": KeyPurpose.FEED}, name="feed_key"),
    path("mine/badge/", registration.keep_key, {"purpose": KeyPurpose.BADGE}, name="badge_key"),
    path("check-in/", checkin.check_in, name="check_in"),
    path("check-in/<slug:code>/", checkin.check_in_here, name="check_in_here"),
    path("badge/<slug:token>/", checkin.badge, name="badge"),
    path("calendar.ics", feeds.calendar_file, name="feed"),
    path("calendar.atom", feeds.atom, name="atom"),
    path("personal/<slug:token>.ics", feeds.personal_file, name="personal"),
    path("embed/", feeds.embed, name="embed"),
    path("embed/how/", feeds.how, name="how"),
    path("<int:pk>/event.ics", feeds.event_file, name="ics"),
    path("<int:pk>/", event.detail, name="detail"),
    # Before the slugs: an event may well be called "Register".
    path("<int:pk>/register/", registration.register, name="register"),
    path("<int:pk>/cancel/", registration.cancel, name="cancel"),
    path("<int:pk>/review/", editing.review, name="review"),
    path("<int:pk>/edit/", editing.edit, name="edit"),
    path("<int:pk>/copy/", editing.copy, name="copy"),
    path("<int:pk>/call-off/", editing.call_off, name="call_off"),
    path("<int:pk>/repeat/", repeating.repeat, name="repeat"),
    path("<int:pk>/sessions/", repeating.sessions, name="sessions"),
    path("<int:pk>/questions/", material.questions, name="questions"),
    path("<int:pk>/files/", material.files, name="files"),
    path("files/<int:pk>/", material.download, name="file"),
    path("<int:pk>/roster/", attendance.roster, name="roster"),
    path("<int:pk>/roster/sheet/", attendance.sheet, name="sheet"),
    path("<int:pk>/roster/walk-in/", attendance.walk_in, name="walk_in"),
    path("<int:pk>/roster/roster.csv", attendance.roster_file, name="roster_file"),
    path("<int:pk>/roster/code/", attendance.code, name="code"),
    path("<int:pk>/roster/upload/", attendance.upload, name="upload"),
    path("<int:pk>/roster/lists/<int:list_id>/", attendance.preview, name="list"),
    path(
        "<int:pk>/roster/lists/<int:list_id>/unknown.csv",
        attendance.unknown_file,
        name="unknown_file",
    ),
    path("<int:pk>/<slug:slug>/", event.detail, name="detail"),
]
