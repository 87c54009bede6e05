"""Decisions from the page to the file: complete, at once, and as a build reads them."""

import threading
import tomllib
from collections import Counter
from copy import copy
from typing import Any

import numpy as np
import orjson
import pytest

from medmultipoints.data_lake.review.corrections_file import CorrectionsFile
from medmultipoints.data_lake.review.decide import decide as write_decision
from medmultipoints.data_lake.review.decide import decision_state
from medmultipoints.data_lake.review.desk import Desk, Row
from medmultipoints.flows.recipe.corrections import parse_file
from medmultipoints.transforms.masks.run_lengths import decode_rle
from tests.data_lake.review.browsing import Served
from tests.data_lake.review.conftest import decide

OURS = f"""# ours
[[withdrawn]]
image_sha256 = "{"a" * 64}"
reason = "consent withdrawn"
reviewer = "A. B."
date = "2026-01-01"
"""


def finding(desk: Desk, **wanted: Any) -> Row:
    """The first finding that is about a released image and has these values."""
    rows = (row for row in desk.findings.values() if desk.image(row["sample_id"]))
    return next(row for row in rows if all(row[name] == value for name, value in wanted.items()))


def untouched(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Objects as the page sends them back."""
    return [{"label": one["label"], "box": one["box"], "origin": one["id"], "changed": False} for one in objects]


def held(file: CorrectionsFile, table: str = "corrections") -> list[dict[str, Any]]:
    text = file.path.read_text("utf-8")
    parse_file(file.path.name, text.encode(), file.path.parent)
    found: list[dict[str, Any]] = tomllib.loads(text).get(table, [])
    return found


def with_mask(desk: Desk) -> Row:
    """A finding with two boxes, about an image whose objects have masks."""
    rows = (row for row in desk.findings.values() if row["source_box"] and row["derived_box"])
    return next(row for row in rows if any(seen.rle for seen in desk.seen(row["sample_id"])))


def test_the_queue_lists_every_finding_and_what_was_decided(served: Served, desk: Desk) -> None:
    row = with_mask(desk)
    assert decide(served, row["finding_id"], "accept").status == 200
    queue = served.get("/api/queue?reviewer=A.%20B.").json
    assert len(queue["rows"]) == len(desk.findings)
    states = {one["finding_id"]: one["mine"] for one in queue["rows"]}
    assert states[row["finding_id"]] == "accept"
    other = {one["finding_id"]: one for one in served.get("/api/queue?reviewer=C").json["rows"]}[row["finding_id"]]
    assert (other["mine"], other["others"], other["conflict"]) == (None, 1, False)


def test_one_accepted_finding_settles_no_finding_of_another_label(desk: Desk, file: CorrectionsFile) -> None:
    """Findings of one kind in one picture, none of which has a box, such as copies that contradict each other."""
    row = finding(desk, kind="shifted")
    bare = row | {"kind": "contradicting_copies", "source_box": None, "derived_box": None}
    alike = {label: bare | {"finding_id": f"copies-{label}", "label": label} for label in ("polyps", "instrument")}
    own = copy(desk)
    own.findings = desk.findings | {one["finding_id"]: one for one in alike.values()}
    asked = {"verdict": "accept", "reason": "seen", "reviewer": "A. B."}
    write_decision(own, file, {**asked, "finding": "copies-polyps"})
    (entry,) = held(file)
    assert (entry["kind"], entry["label"], "box" in entry) == ("contradicting_copies", "polyps", False)
    decided = {label: decision_state(own, file.read(), one).mine("A. B.") is not None for label, one in alike.items()}
    assert decided == {"polyps": True, "instrument": False}
    write_decision(own, file, {**asked, "finding": "copies-instrument"})
    assert {entry["label"] for entry in held(file)} == {"instrument", "polyps"}


def test_a_finding_has_picture_objects_words_and_frames(served: Served, desk: Desk) -> None:
    row = with_mask(desk)
    shown = served.get(f"/api/finding?id={row['finding_id']}&reviewer=A").json
    assert shown["objects"][0]["outlines"]
    assert any("IoU" in line for line in shown["words"])
    picture = served.get(f"/picture/{shown['image_sha256']}")
    assert picture.headers["content-type"] == "image/jpeg"
    assert served.get(f"/thumbnail/{shown['image_sha256']}").headers["content-type"] == "image/webp"
    frame = next(row for row in desk.findings.values() if (desk.image(row["sample_id"]) or {}).get("video_id"))
    strip = served.get(f"/api/finding?id={frame['finding_id']}").json["strip"]
    assert [one["frame_index"] for one in strip] == sorted(one["frame_index"] for one in strip)
    assert len(strip) > 1


@pytest.mark.parametrize("missing", ["reason", "reviewer", "verdict"])
def test_a_decision_without_name_or_reason_is_refused(
    served: Served, desk: Desk, file: CorrectionsFile, missing: str
) -> None:
    more: dict[str, Any] = {"reason": " "} if missing == "reason" else {}
    verdict, reviewer = ("perhaps", "A") if missing == "verdict" else ("accept", "" if missing == "reviewer" else "A")
    answer = decide(served, with_mask(desk)["finding_id"], verdict, reviewer, **more)
    assert answer.status == 400
    assert answer.json["error"]
    assert not file.path.exists()


def test_a_moved_box_of_a_track_keeps_the_others(served: Served, desk: Desk, file: CorrectionsFile) -> None:
    row = next(row for row in desk.findings.values() if (desk.image(row["sample_id"]) or {}).get("video_id"))
    objects = served.get(f"/api/finding?id={row['finding_id']}").json["objects"]
    drawn = untouched(objects)
    x1, y1, x2, y2 = drawn[0]["box"]
    drawn[0] |= {"box": [x1 + 2.4, y1 + 3, x2 + 2.4, y2 + 3], "changed": True}
    assert decide(served, row["finding_id"], "edit", objects=drawn).status == 200
    (entry,) = held(file)
    assert (entry["action"], entry["object"]) == ("replace_boxes", objects[0]["id"])
    assert entry["boxes"] == [[round(x1 + 2.4), round(y1 + 3), round(x2 + 2.4), round(y2 + 3)]]


def test_a_drawn_mask_is_a_file_beside_the_corrections(served: Served, desk: Desk, file: CorrectionsFile) -> None:
    row = with_mask(desk)
    shown = served.get(f"/api/finding?id={row['finding_id']}").json
    own = [
        {"label": one["label"], "box": one["box"], "origin": one["id"], "changed": False} for one in shown["objects"]
    ]
    square = {
        "label": own[0]["label"],
        "outlines": [[[10, 10], [40, 10], [40, 30], [10, 30]]],
        "origin": None,
        "changed": True,
    }
    assert decide(served, row["finding_id"], "edit", objects=[*own, square]).status == 200
    (entry,) = held(file)
    masks = orjson.loads(file.path.with_name(entry["masks"]).read_bytes())
    mask = decode_rle(masks["masks"][0], masks["height"], masks["width"])
    assert (mask.sum(), mask[10:30, 10:40].all()) == (600, True)
    name = entry["masks"]
    body = orjson.dumps({"finding": row["finding_id"], "reviewer": "A. B."})
    assert served.post("/api/undo", body).status == 200
    assert held(file) == []
    assert not file.path.with_name(name).exists()


def test_an_object_is_cut_and_joined_again_without_losing_a_pixel(served: Served, desk: Desk) -> None:
    shown = served.get(f"/api/finding?id={with_mask(desk)['finding_id']}").json
    seen = desk.seen(shown["sample_id"])[0]
    x1, y1, x2, y2 = shown["objects"][0]["box"]
    middle = (y1 + y2) / 2
    size = shown["size"]
    cut = {"size": size, "cut": [[x1 - 5, middle], [x2 + 5, middle]], "objects": [{"rle": seen.rle}]}
    parts = served.post("/api/shape", orjson.dumps(cut)).json["parts"]
    joined = served.post("/api/shape", orjson.dumps({"size": size, "join": True, "objects": parts})).json["parts"]
    assert [part["rle"] for part in joined] == [seen.rle]
    beside = cut | {"cut": [[0, 0], [size[0], 0]]}
    assert served.post("/api/shape", orjson.dumps(beside)).status == 400


def test_two_reviewers_both_stay_and_a_conflict_is_settled(served: Served, desk: Desk, file: CorrectionsFile) -> None:
    row = with_mask(desk)
    seen = desk.seen(row["sample_id"])[0]
    assert decide(served, row["finding_id"], "accept", "First").status == 200
    blind = served.get(f"/api/finding?id={row['finding_id']}&reviewer=Second").json
    assert (blind["decisions"], blind["others"]) == ([], 1)
    assert decide(served, row["finding_id"], "exclude", "Second", object=seen.object_id).status == 200
    assert [one["reviewer"] for one in held(file, "opinions")] == ["Second"]
    open_eyes = served.get(f"/api/finding?id={row['finding_id']}&reviewer=Second").json
    assert (open_eyes["conflict"], len(open_eyes["decisions"])) == (True, 2)
    assert "First and Second both decided 1 case" in served.get("/api/queue").json["statements"][0]
    assert decide(served, row["finding_id"], "exclude", "Second", object=seen.object_id, settle=True).status == 200
    (applied,), (kept,) = held(file), held(file, "opinions")
    assert (applied["reviewer"], applied["settles"], kept["reviewer"]) == ("Second", True, "First")
    assert not served.get(f"/api/finding?id={row['finding_id']}&reviewer=Second").json["conflict"]


def test_when_the_first_takes_back_the_second_applies(served: Served, desk: Desk, file: CorrectionsFile) -> None:
    row = with_mask(desk)
    for reviewer in ("First", "Second"):
        assert decide(served, row["finding_id"], "accept", reviewer).status == 200
    served.post("/api/undo", orjson.dumps({"finding": row["finding_id"], "reviewer": "First"}))
    assert [one["reviewer"] for one in held(file)] == ["Second"]
    assert held(file, "opinions") == []


def test_a_checked_sample_is_a_statement(served: Served, desk: Desk, file: CorrectionsFile) -> None:
    first, second, *_ = (name for name in desk.findings if name.startswith("sample:"))
    assert decide(served, first, "accept").status == 200
    assert decide(served, second, "exclude").status == 200
    (sample,) = held(file, "samples")
    assert (sample["of"], len(sample["right"]), len(sample["wrong"])) == (desk.records, 1, 1)
    assert f"2 of {desk.records} looked at, 1 wrong" in served.get("/api/queue").json["statements"][0]


def test_what_others_wrote_meanwhile_stays(served: Served, desk: Desk, file: CorrectionsFile) -> None:
    file.path.parent.mkdir()
    file.path.write_text(OURS)
    assert decide(served, with_mask(desk)["finding_id"], "accept").status == 200
    assert "# ours\n[[withdrawn]]" in file.path.read_text()
    assert len(held(file)) == 1
    file.path.write_text("not TOML")
    assert decide(served, with_mask(desk)["finding_id"], "accept").status == 400
    assert file.path.read_text() == "not TOML"


def test_decisions_at_the_same_time_are_all_kept(served: Served, desk: Desk, file: CorrectionsFile) -> None:
    rows = [row for row in desk.findings.values() if desk.image(row["sample_id"]) and row["kind"] != "sample"][:12]
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda one=row: answers.append(decide(served, one["finding_id"], "accept").status))
        for row in rows
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * len(rows)
    decided = {one["finding_id"] for one in served.get("/api/queue?reviewer=A.%20B.").json["rows"] if one["mine"]}
    assert {row["finding_id"] for row in rows} <= decided


def test_findings_of_a_kind_are_decided_together_and_say_what_was_not_looked_at(
    served: Served, desk: Desk, file: CorrectionsFile
) -> None:
    rows = [one for one in desk.findings.values() if desk.image(one["sample_id"])]
    kind, _ = Counter(one["kind"] for one in rows if one["kind"] != "sample").most_common(1)[0]
    names = [one["finding_id"] for one in rows if one["kind"] == kind]
    asked = {"findings": names, "looked": names[:1], "verdict": "accept", "reason": "harmless", "reviewer": "A. B."}
    for wrong in ({}, {"not_looked_at": 0}, {"not_looked_at": len(names) - 1, "verdict": "edit"}):
        assert served.post("/api/together", orjson.dumps(asked | wrong)).status == 400
    assert not file.path.exists()
    assert decide(served, names[2], "accept", "C. D.").status == 200
    done = served.post("/api/together", orjson.dumps(asked | {"not_looked_at": len(names) - 1})).json["done"]
    assert [name for name in names if name != names[2]] == done
    entries = [one for one in held(file) if one["reviewer"] == "A. B."]
    words = f"harmless (one of {len(done)} decided together"
    assert {f"{words})", f"{words}, not looked at)"} == {one["reason"] for one in entries}
    assert [f"{words})"] == [one["reason"] for one in entries if "not looked" not in one["reason"]]
    states = {one["finding_id"]: one["mine"] for one in served.get("/api/queue?reviewer=A.%20B.").json["rows"]}
    assert all(states[name] == "accept" for name in done)
    undo = {"findings": done, "reviewer": "A. B.", "verdict": "accept"}
    assert served.post("/api/undo-together", orjson.dumps(undo)).status == 200
    assert ["C. D."] == [one["reviewer"] for one in held(file)]


def test_taking_back_what_was_decided_together_keeps_other_decisions(
    served: Served, desk: Desk, file: CorrectionsFile
) -> None:
    row = with_mask(desk)
    seen = desk.seen(row["sample_id"])[0]
    alike = [one["finding_id"] for one in desk.findings.values() if one["kind"] == row["kind"]]
    released = [name for name in alike if desk.image(desk.findings[name]["sample_id"])]
    asked = {"findings": released, "looked": released, "verdict": "accept", "reason": "seen", "reviewer": "A. B."}
    done = served.post("/api/together", orjson.dumps(asked | {"not_looked_at": 0})).json["done"]
    assert decide(served, row["finding_id"], "exclude", object=seen.object_id).status == 200
    rows = served.get("/api/queue?reviewer=A.%20B.").json["rows"]
    assert {one["mine"] for one in rows if one["finding_id"] == row["finding_id"]} == {"removed"}
    undo = {"findings": done, "reviewer": "A. B.", "verdict": "accept"}
    served.post("/api/undo-together", orjson.dumps(undo))  # nothing is left of it where the kind has one finding
    assert ["exclude"] == [one["action"] for one in held(file)]


def test_a_withdrawn_picture_is_withdrawn_by_both_hashes_and_by_its_reviewer_alone(
    served: Served, desk: Desk, file: CorrectionsFile
) -> None:
    row = with_mask(desk)
    image = desk.image(row["sample_id"])
    assert image
    assert decide(served, row["finding_id"], "accept").status == 200
    assert decide(served, row["finding_id"], "withdraw").status == 200
    (entry,) = held(file, "withdrawn")
    assert (image["image_sha256"], image["luma_blake3"]) == (entry["image_sha256"], entry["luma_blake3"])
    assert held(file) == []
    rows = served.get("/api/queue?reviewer=A.%20B.").json["rows"]
    assert {"withdrawn"} == {one["mine"] for one in rows if one["sample_id"] == row["sample_id"]}
    assert decide(served, row["finding_id"], "accept", "C. D.").status == 200
    refused = decide(served, row["finding_id"], "accept", "C. D.", settle=True)
    assert "only A. B. can take that back" in refused.json["error"]
    assert served.post("/api/undo", orjson.dumps({"finding": row["finding_id"], "reviewer": "A. B."})).status == 200
    assert held(file, "withdrawn") == []
    assert ["C. D."] == [one["reviewer"] for one in held(file)]


def test_a_dispute_about_a_picture_is_listed_once(served: Served, desk: Desk) -> None:
    row = with_mask(desk)
    for reviewer, shift in (("First", 6), ("Second", 40)):
        drawn = untouched(served.get(f"/api/finding?id={row['finding_id']}").json["objects"])
        x1, y1, x2, y2 = drawn[0]["box"]
        drawn[0] |= {"box": [x1 + shift, y1, x2 + shift, y2], "changed": True}
        assert decide(served, row["finding_id"], "edit", reviewer, objects=drawn).status == 200
    rows = [one for one in served.get("/api/queue").json["rows"] if one["conflict"]]
    assert {row["sample_id"]} == {one["sample_id"] for one in rows}
    assert len({one["same_as"] for one in rows}) == 1


ODD = [
    b"", b"[]", b"{}", b'{"finding": 3}', b"\xff", b'{"size": [9, 9], "objects": [{"rle": "@@"}]}',
    b'{"size": ["a", 9], "objects": [{"rle": "@@"}]}', b'{"size": [9, 9], "join": true, "objects": [3]}',
    b'{"size": [9, 9], "cut": [[0, 0], [1, 1]], "objects": [{"box": [1, 2]}]}',
]  # fmt: skip


@pytest.mark.parametrize("body", ODD)
def test_odd_requests_are_refused_with_a_sentence(served: Served, body: bytes) -> None:
    for path in ("/api/decision", "/api/undo", "/api/shape", "/api/together", "/api/undo-together"):
        answer = served.post(path, body)
        assert answer.status == 400
        assert answer.json["error"]


def test_a_mask_of_the_page_is_the_mask_of_the_release(desk: Desk) -> None:
    seen = desk.seen(with_mask(desk)["sample_id"])[0]
    image = desk.image(with_mask(desk)["sample_id"])
    assert image
    assert seen.rle
    mask = decode_rle(seen.rle, image["original_height"], image["original_width"])
    assert [seen.box.x1, seen.box.y1] == [np.flatnonzero(mask.any(0))[0], np.flatnonzero(mask.any(1))[0]]
