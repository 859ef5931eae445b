from django.urls import path

from credits import views

app_name = "credits"
urlpatterns = [
    path("claim/", views.pick, name="pick"),
    path("claim/<int:event_id>/", views.claim, name="claim"),
    path("claim/<int:event_id>/sessions/", views.claim_sessions, name="claim_sessions"),
    path("claims/<int:claim_id>/withdraw/", views.withdraw, name="withdraw"),
    path("new/", views.create, name="create"),
    path("new/similar/", views.similar, name="similar"),
    path("custom/<int:event_id>/", views.revise, name="revise"),
]
