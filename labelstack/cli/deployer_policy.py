"""`deployer-policy`: the rights of a stack's deployer on AWS."""

from __future__ import annotations

import json

import click

from labelstack import deployer_policy as policies
from labelstack.cli.backend import PROJECT
from labelstack.cli.options import command
from labelstack.cli.screen import Screen


@command("deployer-policy", examples=["labelstack deployer-policy --stack prod > policy.json"])
@click.option("--stack", default="dev", show_default=True, envvar="LABELSTACK_STACK", help="The stack's name.")
@click.option("--region", help="AWS region, if not the one in the stack's file.")
@click.option(
    "--account",
    default="*",
    show_default="any",
    metavar="ID",
    help="The account's id.",
)
def deployer_policy(stack: str, region: str | None, account: str) -> None:
    """Print the IAM policy of a stack's deployer.

    It follows the stack's settings: print it again when they change. Like `pulumi preview`, this builds the functions'
    packages first.
    """
    from labelstack.engines import configuration, listing  # Pulumi takes half a second to import

    overrides = {"aws:region": region} if region else {}
    settings = configuration.read(configuration.Project.read(PROJECT), stack, {}, overrides)
    resources = listing.registered(PROJECT, stack, overrides)
    policy = policies.document(
        resources, settings["labelstack:name"], region=settings.get("aws:region", "*"), account=account
    )
    click.echo(json.dumps(policy, indent=2))
    if (size := policies.size_characters(policy)) > policies.MANAGED_POLICY_CHARACTERS:
        Screen().note(
            f"the policy has {size} characters and a managed policy at most {policies.MANAGED_POLICY_CHARACTERS}: "
            f"make it an inline policy of the deployer's role ({policies.INLINE_POLICIES_CHARACTERS})."
        )
