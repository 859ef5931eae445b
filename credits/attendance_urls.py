"""The addresses of certificates of attendance. Those of check pages are printed on them."""

from django.urls import path

from credits.views import certificate_pages

app_name = "attendance"
urlpatterns = [
    path("<int:event_id>/", certificate_pages.own, name="own"),
    path("<int:event_id>/certificate.pdf", certificate_pages.own_pdf, name="own_pdf"),
    path("guest/<str:token>/", certificate_pages.guest, name="guest"),
    path("guest/<str:token>/certificate.pdf", certificate_pages.guest_pdf, name="guest_pdf"),
    path("<str:address>/", certificate_pages.check, name="check"),
]
