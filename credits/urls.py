from django.urls import path

from credits.views import claiming, claims, college, conference, custom

app_name = "credits"
urlpatterns = [
    path("claim/", claiming.pick, name="pick"),
    path("claim/<int:event_id>/", claiming.claim, name="claim"),
    path("claim/<int:event_id>/sessions/", claiming.claim_sessions, name="claim_sessions"),
    path("claims/<int:claim_id>/", claims.detail, name="detail"),
    path("claims/<int:claim_id>/withdraw/", claiming.withdraw, name="withdraw"),
    path("claims/<int:claim_id>/withdraw/undo/", claiming.undo_withdrawal, name="undo_withdrawal"),
    path("claims/<int:claim_id>/evidence/undo/", claims.restore_evidence, name="restore_evidence"),
    path("evidence/<int:pk>/", claims.download, name="evidence"),
    path("new/", custom.create, name="create"),
    path("new/draft/", custom.draft, name="draft"),
    path("new/draft/undo/", custom.undo_discard, name="undo_discard"),
    path("new/similar/", custom.similar, name="similar"),
    path("new/worth/", custom.credits_preview, name="credits_preview"),
    path("new/college/", college.college, name="college"),
    path("new/college/worth/", college.course_credits_preview, name="course_credits_preview"),
    path("new/conference/", conference.conference, name="conference"),
    path("custom/<int:event_id>/", custom.revise, name="revise"),
]
