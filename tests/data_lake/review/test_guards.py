"""Who may speak to the desk."""

import pytest

from tests.data_lake.review.browsing import Served


def test_the_token_is_exchanged_for_a_cookie_that_no_script_and_no_other_site_gets(served: Served) -> None:
    answer = served.get(f"/?token={served.token}", cookie=None)
    cookie = answer.headers["set-cookie"].lower()
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert cookie.startswith(f"mm_review_{served.port}={served.token};")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert served.get("/").status == 200


@pytest.mark.parametrize("path", ["/", "/?token=wrong", "/api/queue", "/static/review.js", "/events", "/favicon.ico"])
def test_without_the_token_nothing_is_shown(served: Served, path: str) -> None:
    assert served.get(path, cookie=None).status == 403
    assert served.get(path, cookie=f"mm_review_{served.port}=guess").status == 403


def test_a_foreign_name_for_this_machine_is_refused(served: Served) -> None:
    assert served.get("/", host="evil.example").status == 421
    assert served.get("/", host=f"localhost:{served.port}").status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
        ({"cookie": None}, 403),
    ],
)
def test_a_post_of_another_page_writes_nothing(served: Served, headers: dict[str, str | None], status: int) -> None:
    assert served.post("/api/decision", b'{"finding": "x"}', **headers).status == status


def test_every_answer_forbids_foreign_scripts_frames_and_caches(served: Served) -> None:
    for answer in (served.get("/"), served.get("/", cookie=None), served.get("/nothing")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path", ["/static/../server.py", "/static/server.py", "/static/%2e%2e%2fserver.py", "/picture/x", "/thumbnail/x"]
)
def test_what_is_not_there_is_404_and_never_a_file_of_the_machine(served: Served, path: str) -> None:
    assert served.get(path).status == 404
