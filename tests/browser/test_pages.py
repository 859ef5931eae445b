import pytest

from tests import factories as make

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_smoke(open_browser):
    import time

    v = open_browser(make.person())
    for p in ["/", "/events/", "/continuing-education/", "/tracks/"]:
        t = time.time()
        v.open(p)
        t1 = time.time()
        pr = v.problems()
        t2 = time.time()
        pr2 = v.problems(rules={"type": "rule", "values": ["color-contrast"]})
        print(p, t1 - t, t2 - t1, time.time() - t2, pr, pr2)
    print(v.page.evaluate("axe.getRules(['wcag22aa']).map(r=>r.ruleId)"))


def test_nojs(open_browser):
    v = open_browser(make.person(), scripts=False)
    v.visit("/continuing-education/")
    v.visit("/nothing/", answers=404)
