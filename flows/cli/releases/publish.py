"""``medmultipoints publish``: publish a release as a version that anyone can pin, reload and check."""

import os
from dataclasses import asdict
from typing import Annotated

import typer

from medmultipoints.data_lake.publish.plan import PushPlan
from medmultipoints.data_lake.release.write.manifest import ClaimedManifest
from medmultipoints.flows.cli.console import OUT, confirm, print_json, say, table
from medmultipoints.flows.cli.options import JsonOption, chosen_repo
from medmultipoints.flows.cli.request_options import field_option
from medmultipoints.flows.engine.publishing import Published, check_release, open_place, plan_for, publish_release
from medmultipoints.flows.engine.request import PublishRequest, ask
from medmultipoints.transforms.reporting.counted import plural

MOST_FILES = 20


def publish(
    ctx: typer.Context,
    release: Annotated[str, typer.Argument(help="Folder of a release.")],
    repo: Annotated[str | None, field_option(PublishRequest, "repo", metavar="OWNER/NAME")] = None,
    to: Annotated[str | None, field_option(PublishRequest, "to", metavar="FOLDER")] = None,
    private: Annotated[bool, field_option(PublishRequest, "private", "--private")] = False,
    branch: Annotated[str, field_option(PublishRequest, "branch", metavar="NAME")] = "main",
    pull_request: Annotated[bool, field_option(PublishRequest, "pull_request", "--pr")] = False,
    replace_edits: Annotated[bool, field_option(PublishRequest, "replace_edits", "--replace-edits")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan, check the release, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation; needed outside a terminal.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Publish a release as a version: one commit, one tag `vX.Y.Z`, read back and compared byte by byte.

    The plan is shown first. The same content again makes no commit; a version that exists with other content is
    refused; tags never move. Endpoint and token come from HF_ENDPOINT, HF_TOKEN or the login of `hf auth login`.

    Examples: `medmultipoints publish lake/releases/demo/1.0.0 --repo acme/medmultipoints --dry-run`,
    `medmultipoints publish lake/releases/demo/1.0.0 --to versions --yes`
    """
    request = ask(
        PublishRequest,
        release=release,
        repo=chosen_repo(ctx, repo, to),
        to=to,
        private=private,
        branch=branch,
        pull_request=pull_request,
        replace_edits=replace_edits,
    )
    show_and_publish(request, dry_run=dry_run, yes=yes, as_json=as_json)


def show_and_publish(request: PublishRequest, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Show the plan, ask for confirmation, and publish."""
    plan = plan_for(request, open_place(request, pull_request=request.pull_request))
    if not as_json:
        print_plan(plan, proposed=request.pull_request)
    if dry_run:
        check_release(plan.folder)
        print_json(plan_json(plan)) if as_json else say("dry run: nothing was changed")
        return
    if plan.action != "nothing" and not yes:
        confirm(f"Publish {plan.title} to {plan.place}?", "check the plan with --dry-run")
    published = run(request.model_copy(update={"approval": plan.approval}), plan)
    print_json(published.to_json()) if as_json else OUT.print(f"[bold]{published.sentence()}[/]")


def run(request: PublishRequest, plan: PushPlan) -> Published:
    """Publish as a flow run if a Prefect server is configured, else in this process."""
    if not os.environ.get("PREFECT_API_URL"):
        return publish_release(request, say, plan)
    from medmultipoints.flows.orchestration.local import run_publish

    return run_publish(request, plan)


def print_plan(plan: PushPlan, *, proposed: bool) -> None:
    """Print the plan; ``proposed``: as a pull request."""
    print_holders(plan)
    print_late(plan)
    if plan.action == "nothing":
        return
    OUT.print(f"[bold]{plan.title}[/] to {plan.place}", highlight=False)
    print_contents(plan)
    if plan.unfinished:
        OUT.print(f"first: tag {plan.unfinished[0]} on {plan.unfinished[1][:12]}, left without it by an earlier push")
    if plan.action == "tag":
        OUT.print(f"the commit {str(plan.commit)[:12]} exists there; only the tag {plan.tag} is missing")
        return
    changed = plan.paths("added", "changed", "deleted", "kept")
    rows = [[file.kind, file.path, f"{file.bytes:,}"] for file in changed[:MOST_FILES]]
    rows += [["...", f"{len(changed) - MOST_FILES} more", ""]] if len(changed) > MOST_FILES else []
    same = plan.paths("unchanged")
    rows.append(["unchanged", plural(len(same), "file"), f"{sum(file.bytes for file in same):,}"])
    table("Files", ["", "file", "bytes"], rows)
    if plan.creates:
        OUT.print("the repository or the branch is new")
    if plan.old_version:
        OUT.print(f"\n[bold]Difference from {plan.old_version}[/] (asks for {plan.proposed} or later)")
        OUT.print(plan.difference, markup=False)
    tag = f"the tag [bold]{plan.tag}[/]"
    later = f"a pull request of one commit; {tag} by publishing again once it is merged"
    OUT.print(f"\n{later}" if proposed else f"\none commit, then {tag}")


def print_contents(plan: PushPlan) -> None:
    """Print what becomes public: images, licences, personal information, undecided findings."""
    from medmultipoints.data_lake.report.materials import read_materials
    from medmultipoints.data_lake.report.sections import summary

    facts = summary(read_materials(plan.folder, kind=ClaimedManifest))  # files were hashed for the plan
    counts = ", ".join(f"{number:,} {name}" for name, number in facts["numbers"][:3])
    OUT.print(f"{counts}; licence {', '.join(facts['licences'])}", highlight=False)
    for sentence in facts["privacy"]["sentences"]:
        OUT.print(f"privacy: {sentence}", markup=False, highlight=False)
    if not facts["privacy"]["looked"]:
        OUT.print("privacy: text in the pictures was not looked for", highlight=False)
    if facts["errors"] or facts["warnings"]:
        undecided = f"{plural(facts['errors'], 'error')}, {plural(facts['warnings'], 'warning')}"
        if facts["elsewhere"]:
            undecided += f", {facts['elsewhere']:,} of them about pictures that are not released"
        OUT.print(
            f"findings that nobody decided: {undecided}; see them with `medmultipoints audit {plan.folder}`",
            highlight=False,
        )


def print_holders(plan: PushPlan) -> None:
    """Print the published versions that still contain withdrawn images; publishing never changes them."""
    for holder in plan.holders:
        OUT.print(
            f"[bold]{holder.tag}[/] at {plan.place} still holds {plural(len(holder.images), 'withdrawn image')}, "
            f"for example {holder.images[0]}. Publishing never changes a version: remove that one there yourself.",
            highlight=False,
        )


def print_late(plan: PushPlan) -> None:
    """Print the files that were added to a published version after its push."""
    for file in plan.paths("late"):
        OUT.print(
            f"[bold]{file.path}[/] is not published: it differs from that of {plan.version} at {plan.place}, and a "
            "version takes its manifest and signature at its first push only. Sign the next version before publishing.",
            highlight=False,
        )


def plan_json(plan: PushPlan) -> dict[str, object]:
    """Return the plan as plain values."""
    names = ("action", "place", "version", "tag", "parent", "old_version", "proposed")
    return {name: getattr(plan, name) for name in names} | {
        "difference": plan.difference.splitlines(),
        "holders_of_withdrawn": {holder.tag: list(holder.images) for holder in plan.holders},
        "files": [asdict(file) for file in plan.files],
    }
