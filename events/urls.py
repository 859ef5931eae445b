from django.urls import path

from events.attendance import check_in_views, list_views
from events.attendance import views as attendance_views
from events.calendar import feed_views
from events.calendar import views as calendar_views
from events.catalog import views as catalog_views
from events.editing import material_views, series_views, step_views
from events.editing import views as editing_views
from events.enums import KeyPurpose
from events.event_page import views as event_page_views
from events.registration import views as registration_views
from events.saved_searches import views as saved_search_views

app_name = "events"
urlpatterns = [
    path("", calendar_views.calendar, name="calendar"),
    path("catalog/", catalog_views.catalog, name="catalog"),
    path("catalog/approvals/", catalog_views.approvals, name="catalog_approvals"),
    path("manage/", editing_views.manage, name="manage"),
    path("manage/new/", editing_views.create, name="create"),
    path("mine/", registration_views.my_registrations, name="my_registrations"),
    path(
        "mine/feed/", registration_views.change_key, {"purpose": KeyPurpose.FEED}, name="feed_key"
    ),
    path(
        "mine/badge/",
        registration_views.change_key,
        {"purpose": KeyPurpose.PERSONAL_CHECK_IN},
        name="personal_check_in_key",
    ),
    path("check-in/", check_in_views.check_in, name="check_in"),
    path("check-in/<slug:code>/", check_in_views.check_in_here, name="check_in_here"),
    path("badge/<slug:token>/", check_in_views.personal_check_in, name="personal_check_in"),
    path("calendar.ics", feed_views.calendar_file, name="feed"),
    path("calendar.atom", feed_views.atom, name="atom"),
    path("personal/<slug:token>.ics", feed_views.personal_file, name="personal_feed"),
    path("searches/", saved_search_views.save, name="save_search"),
    path("searches/<int:pk>/remove/", saved_search_views.remove, name="remove_search"),
    path("searches/stop/<str:token>/", saved_search_views.stop, name="stop_search"),
    path("embed/", feed_views.embed, name="embed"),
    path("embed/how/", feed_views.embed_help, name="embed_help"),
    path("<int:pk>/event.ics", feed_views.event_file, name="event_file"),
    path("<int:pk>/", event_page_views.detail, name="detail"),
    # Before the slugs, because an event may have the title "Register".
    path("<int:pk>/register/", registration_views.register, name="register"),
    path("<int:pk>/cancel/", registration_views.cancel, name="cancel"),
    path("<int:pk>/switch/", registration_views.switch, name="switch"),
    path("<int:pk>/cancel/undo/", registration_views.undo_cancel, name="undo_cancel"),
    path("<int:pk>/join/", event_page_views.join, name="join"),
    path("<int:pk>/watch/", event_page_views.watch, name="watch"),
    path("<int:pk>/dismiss/", event_page_views.dismiss, name="dismiss"),
    path("<int:pk>/dismiss/undo/", event_page_views.undo_dismissal, name="undo_dismissal"),
    path("<int:pk>/star/", event_page_views.star, name="star"),
    path("<int:pk>/star/undo/", event_page_views.unstar, name="unstar"),
    path("<int:pk>/review/", step_views.preview, name="preview"),
    path("<int:pk>/undo/", step_views.undo, name="undo"),
    path("<int:pk>/edit/", editing_views.edit, name="edit"),
    path("<int:pk>/copy/", editing_views.copy, name="copy"),
    path("<int:pk>/call-off/", step_views.call_off, name="call_off"),
    path("<int:pk>/restore/", step_views.restore, name="restore"),
    path("<int:pk>/repeat/", series_views.repeat, name="repeat"),
    path("<int:pk>/sessions/", series_views.sessions, name="sessions"),
    path("<int:pk>/questions/", material_views.questions, name="questions"),
    path("<int:pk>/catalog/", catalog_views.propose, name="propose"),
    path("<int:pk>/files/", material_views.files, name="files"),
    path("files/<int:pk>/", material_views.download, name="file"),
    path("<int:pk>/roster/", attendance_views.roster, name="roster"),
    path("<int:pk>/roster/sheet/", attendance_views.sheet, name="sheet"),
    path("<int:pk>/roster/walk-in/", attendance_views.walk_in, name="walk_in"),
    path("<int:pk>/roster/roster.csv", attendance_views.roster_file, name="roster_file"),
    path("<int:pk>/roster/code/", attendance_views.code, name="code"),
    path("<int:pk>/roster/upload/", list_views.upload, name="upload"),
    path("<int:pk>/roster/lists/<int:list_id>/", list_views.preview, name="list"),
    path("<int:pk>/roster/lists/<int:list_id>/match/", list_views.match, name="match_list"),
    path("<int:pk>/roster/lists/<int:list_id>/confirm/", list_views.confirm, name="confirm_list"),
    path("<int:pk>/roster/lists/<int:list_id>/undo/", list_views.undo, name="undo_list"),
    path(
        "<int:pk>/roster/lists/<int:list_id>/unknown.csv",
        list_views.unmatched_rows_csv,
        name="unmatched_rows_csv",
    ),
    path("<int:pk>/<slug:slug>/", event_page_views.detail, name="detail"),
]
