from tests.aspen import test_access as t
from tests.aspen.test_access import world
import pytest
from django.core.cache import cache
from django.contrib import admin

pytestmark = pytest.mark.django_db


def test_gen(world):
    out = []
    for model in sorted(admin.site._registry, key=lambda m: m._meta.label_lower):
        o = model._meta
        cells = []
        for role in t.ROLES[4:]:
            for what in ("", "add/"):
                try:
                    r = t.send(
                        world.client(role), "GET", f"/admin/{o.app_label}/{o.model_name}/{what}"
                    )
                    c = t.cell(r, world.people[role])
                except Exception as e:
                    c = "!" + type(e).__name__
                cells.append(c)
        out.append(f"ADM {o.label_lower:30} " + " ".join(f"{c:5}" for c in cells))
    print("\n" + "\n".join(out))
    from django.urls import get_resolver

    for role in ("anonymous", "owner"):
        seen = {}
        for route in t.routes():
            if not route.startswith("admin/"):
                continue
            import re

            a = (
                "/" + re.sub(r"<[^>]+>", "1", route)
                if "^" not in route and "(" not in route
                else "/admin/events/"
            )
            r = t.send(world.client(role), "GET", a)
            seen.setdefault((r.status_code, r.headers.get("Location", "")[:20]), []).append(a)
        for k, v in seen.items():
            print("ANON", role, k, len(v), v[:5])
