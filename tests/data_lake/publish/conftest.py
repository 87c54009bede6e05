"""The fixtures of publishing for this folder."""

from tests.hub.fixtures import hub, repo, running_hub, versions

__all__ = ["hub", "repo", "running_hub", "versions"]
