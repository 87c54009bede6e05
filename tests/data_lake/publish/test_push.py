"""One commit and one tag a version; the same content makes neither; a stale parent is never overwritten."""

import shutil
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from medmultipoints.data_lake.publish.plan import plan_push
from medmultipoints.data_lake.publish.push import push
from medmultipoints.data_lake.publish.versions import VersionRefused
from medmultipoints.transforms.errors import DataError, MachineError, UsageError
from tests.hub.fixtures import awake, history, place_at, publish
from tests.hub.git_store import git
from tests.hub.running import READER, STRANGER, WRITER, TestHub


def test_a_first_push_makes_the_repository_one_commit_and_one_tag(hub: TestHub, repo: str, versions) -> None:
    plan = plan_push(versions["1.0.0"], place_at(repo))
    assert (plan.action, plan.creates, plan.old_version, plan.tag) == ("commit", True, None, "v1.0.0")
    assert {file.kind for file in plan.files} == {"added"}
    result = publish(versions["1.0.0"], repo, private=True)
    assert result.outcome == "pushed"
    assert history(hub, repo) == (["initial commit", "tiny 1.0.0"], {"v1.0.0": "tiny 1.0.0"})
    assert HfApi(endpoint=hub.endpoint, token=WRITER).dataset_info(repo).private


def test_the_same_content_again_makes_no_commit_and_no_tag(hub: TestHub, repo: str, versions) -> None:
    first = publish(versions["1.0.0"], repo)
    before = history(hub, repo)
    again = publish(versions["1.0.0 again"], repo)
    assert (again.outcome, again.commit) == ("unchanged", first.commit)
    assert history(hub, repo) == before


def test_versions_follow_each_other_with_the_difference_in_words(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.0.0"], repo)
    minor = plan_push(versions["1.1.0"], place_at(repo))
    assert (minor.old_version, minor.proposed) == ("1.0.0", "1.1.0")
    assert "minor: 1 box changed, sides by " in minor.difference
    assert {file.path for file in minor.paths("changed")} >= {"README.md", "manifest.json"}
    assert "images/train-00000-of-00001.parquet" in {file.path for file in minor.paths("unchanged")}
    publish(versions["1.1.0"], repo)
    patch = plan_push(versions["1.1.1"], place_at(repo))
    assert (patch.proposed, patch.difference.split(":")[0]) == ("1.1.1", "patch")
    publish(versions["1.1.1"], repo)
    major = plan_push(versions["2.0.0"], place_at(repo))
    assert major.proposed == "2.0.0"
    assert "major: 1 label removed: instrument" in major.difference
    publish(versions["2.0.0"], repo)
    titles, tags = history(hub, repo)
    assert titles == ["initial commit", "tiny 1.0.0", "tiny 1.1.0", "tiny 1.1.1", "tiny 2.0.0"]
    assert list(tags) == ["v1.0.0", "v1.1.0", "v1.1.1", "v2.0.0"]


def test_a_version_with_other_content_is_refused_with_the_proposed_one(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.0.0"], repo)
    before = history(hub, repo)
    with pytest.raises(VersionRefused, match="exists there with other content") as refused:
        publish(versions["1.0.0 other"], repo)
    assert refused.value.proposed == "1.1.0"
    assert history(hub, repo) == before


def test_a_version_too_small_or_too_old_for_its_difference_is_refused(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.1.0"], repo)
    with pytest.raises(VersionRefused, match=r"the last version there is 1\.1\.0"):
        publish(versions["1.0.0"], repo)


def test_a_commit_without_its_tag_is_finished_by_the_next_run(hub: TestHub, repo: str, versions) -> None:
    hub.fault("POST /tag/ before 503 times=9")
    with pytest.raises(MachineError, match=r"setting the tag v1\.0\.0 was answered with 503"):
        publish(versions["1.0.0"], repo)
    assert history(hub, repo) == (["initial commit", "tiny 1.0.0"], {})
    hub.calm()
    assert publish(versions["1.0.0 again"], repo).outcome == "finished"
    assert history(hub, repo) == (["initial commit", "tiny 1.0.0"], {"v1.0.0": "tiny 1.0.0"})


def test_the_next_version_first_tags_the_one_that_was_left_without(hub: TestHub, repo: str, versions) -> None:
    hub.fault("POST /tag/ before 503 times=9")
    with pytest.raises(MachineError):
        publish(versions["1.0.0"], repo)
    hub.calm()
    assert plan_push(versions["1.1.0"], place_at(repo)).unfinished is not None
    publish(versions["1.1.0"], repo)
    assert history(hub, repo)[1] == {"v1.0.0": "tiny 1.0.0", "v1.1.0": "tiny 1.1.0"}


def check_edits_are_kept(hub: TestHub, repo: str, versions) -> None:
    """Somebody edits the card; the next version goes up only with --replace-edits."""
    edit(hub, repo, "README.md", b"---\nlicense: mit\n---\nmine")
    with pytest.raises(UsageError, match=r"README\.md was edited there after v1\.0\.0 .*by hand"):
        publish(versions["1.1.0"], repo)
    place = place_at(repo)
    plan = plan_push(versions["1.1.0"], place, replace_edits=True)
    assert push(plan, place, replace_edits=True, sleep=awake).outcome == "pushed"


def test_an_edit_on_the_hub_is_not_overwritten_unasked(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.0.0"], repo)
    check_edits_are_kept(hub, repo, versions)


def test_an_edit_of_a_version_that_was_left_without_tag_is_not_overwritten_unasked(
    hub: TestHub, repo: str, versions
) -> None:
    hub.fault("POST /tag/ before 403")
    with pytest.raises(UsageError):
        publish(versions["1.0.0"], repo)
    check_edits_are_kept(hub, repo, versions)
    assert history(hub, repo)[1] == {"v1.0.0": "tiny 1.0.0", "v1.1.0": "tiny 1.1.0"}


def test_files_that_belong_to_no_release_are_left_alone(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.0.0"], repo)
    edit(hub, repo, "docs/notes.md", b"mine")
    edit(hub, repo, "data/train-stray.txt", b"would be read as rows")
    plan = plan_push(versions["1.1.0"], place_at(repo))
    assert {(file.path, file.kind) for file in plan.paths("kept", "deleted")} == {
        (".gitattributes", "kept"),
        ("docs/notes.md", "kept"),
        ("data/train-stray.txt", "deleted"),
    }
    publish(versions["1.1.0"], repo)
    assert "docs/notes.md" in git(hub.repository(repo), "ls-tree", "-r", "--name-only", "v1.1.0").stdout.decode()


def test_a_push_between_plan_and_commit_is_never_overwritten(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.0.0"], repo)
    place = place_at(repo)
    plan = plan_push(versions["1.1.0"], place)
    edit(hub, repo, "README.md", b"---\nlicense: mit\n---\nmine")
    with pytest.raises(UsageError, match=r"README\.md was edited there"):
        push(plan, place, sleep=awake)
    assert history(hub, repo)[0][-1] == "by hand"


def test_a_harmless_commit_between_plan_and_commit_is_built_upon(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.0.0"], repo)
    place = place_at(repo)
    plan = plan_push(versions["1.1.0"], place)
    edit(hub, repo, "docs/notes.md", b"mine")
    assert push(plan, place, sleep=awake).outcome == "pushed"
    assert history(hub, repo)[0] == ["initial commit", "tiny 1.0.0", "by hand", "tiny 1.1.0"]


def test_another_version_between_plan_and_commit_stops_the_push(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.0.0"], repo)
    place = place_at(repo)
    plan = plan_push(versions["2.0.0"], place)
    publish(versions["1.1.0"], repo)
    with pytest.raises(MachineError, match="no longer the one that was agreed to"):
        push(plan, place, sleep=awake)
    assert history(hub, repo)[0][-1] == "tiny 1.1.0"


def test_of_a_large_file_only_the_rows_are_fetched_for_the_difference(
    hub: TestHub, repo: str, versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medmultipoints.data_lake.publish.remote_release.SMALL", 0)
    publish(versions["1.0.0"], repo)
    assert "minor: 1 box changed" in plan_push(versions["1.1.0"], place_at(repo)).difference


def test_a_tag_that_stands_elsewhere_never_moves(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.0.0"], repo)
    api = HfApi(endpoint=hub.endpoint, token=WRITER)
    api.create_tag(repo, tag="v1.1.0", revision="v1.0.0", repo_type="dataset")
    with pytest.raises(UsageError):
        publish(versions["1.1.0"], repo)
    assert history(hub, repo)[1]["v1.1.0"] == "tiny 1.0.0"


def test_a_branch_is_made_and_built_upon(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.0.0"], repo)
    publish(versions["1.1.0"], repo, branch="next")
    where = hub.repository(repo)
    assert git(where, "log", "-1", "--format=%s", "next").stdout == b"tiny 1.1.0\n"
    assert git(where, "log", "-1", "--format=%s", "main").stdout == b"tiny 1.0.0\n"


def test_a_pull_request_is_proposed_once_and_not_tagged(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.0.0"], repo)
    first = publish(versions["1.1.0"], repo, pull_request=True)
    again = publish(versions["1.1.0"], repo, pull_request=True)
    assert (first.outcome, again.outcome, again.commit) == ("proposed", "proposed", first.commit)
    assert list(history(hub, repo)[1]) == ["v1.0.0"]


def test_what_is_to_be_private_is_not_pushed_to_a_public_repository(hub: TestHub, repo: str, versions) -> None:
    publish(versions["1.0.0"], repo)
    with pytest.raises(UsageError, match="exists and is public"):
        publish(versions["1.1.0"], repo, private=True)


def test_a_repository_of_something_else_is_refused(hub: TestHub, repo: str, versions) -> None:
    api = HfApi(endpoint=hub.endpoint, token=WRITER)
    api.create_repo(repo, repo_type="dataset")
    edit(hub, repo, "train.csv", b"a,b")
    with pytest.raises(UsageError, match="it is not a release repository"):
        publish(versions["1.0.0"], repo)


def test_a_damaged_release_is_not_planned(hub: TestHub, repo: str, tmp_path: Path, tables_copy) -> None:
    (tables_copy / "README.md").write_text("changed")
    with pytest.raises(DataError, match=r"README\.md is not the file that manifest\.json lists"):
        plan_push(tables_copy, place_at(repo))


@pytest.mark.parametrize(
    ("token", "said"),
    [(READER, "403.*role write"), (STRANGER, "403.*another --repo"), ("hf_noSuchTokenAtAll", "401.*hf auth login")],
)
def test_a_token_that_may_not_write_is_told_so(
    hub: TestHub, repo: str, versions, token: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(UsageError, match=said) as told:
        publish(versions["1.0.0"], repo)
    assert token not in str(told.value)
    assert told.value.__cause__ is None
    assert told.value.__context__ is None


def edit(hub: TestHub, repo: str, path: str, data: bytes) -> None:
    """Someone else's commit."""
    api = HfApi(endpoint=hub.endpoint, token=WRITER)
    api.create_commit(repo, [CommitOperationAdd(path, data)], commit_message="by hand", repo_type="dataset")


@pytest.fixture
def tables_copy(versions: dict[str, Path], tmp_path: Path) -> Path:
    """A release that the test may damage."""
    return shutil.copytree(versions["1.0.0"], tmp_path / "copy")
