"""Checks of an AWS account: credentials, the region, and quotas."""

from __future__ import annotations

from components.concurrency import functions_at_once
from labelstack.diagnosis.finding import Finding, Setting, check, not_applicable, ok, problem, warning

LOG_IN = "aws sso login, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
NEW_ACCOUNT_QUOTA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"


@check("AWS credentials", "aws")
def credentials(setting: Setting) -> Finding:
    """Check that AWS accepts the credentials."""
    if setting.account is None:
        return problem(setting.account_mistake, LOG_IN)
    try:
        return ok(setting.account.identity())
    except OSError as error:
        return problem(str(error), LOG_IN)


@check("AWS region", "aws")
def region(setting: Setting) -> Finding:
    """Check that Rekognition is offered in the stack's region."""
    if setting.account is None:
        return not_applicable("not known without an account")
    chosen, offered = setting.account.region, setting.system.regions_of("rekognition")
    if chosen not in offered:
        return problem(f"Rekognition is not offered in {chosen}", f"Set aws:region to one of {', '.join(offered)}")
    return ok(f"{chosen}, where Rekognition is offered")


@check("Lambda concurrency", "aws")
def concurrency(setting: Setting) -> Finding:
    """Check that the account allows as many concurrent functions as Rekognition's quota keeps busy."""
    if setting.account is None or setting.settings is None:
        return not_applicable("not known without an account and right settings")
    needed = functions_at_once(setting.settings["rekognitionTps"])
    try:
        setting.account.identity()
    except OSError:
        return not_applicable("not known without credentials")
    try:
        allowed = setting.account.unreserved_concurrency()
    except OSError as error:
        return warning(f"cannot be asked: {error}", "Allow lambda:GetAccountSettings to see it here")
    if allowed < needed:
        return problem(
            f"the account allows {allowed} functions at once, and labelstack:rekognitionTps asks for {needed}",
            f"Ask for more (Service Quotas, Lambda, Concurrent executions; {NEW_ACCOUNT_QUOTA}), or set "
            "labelstack:rekognitionTps lower",
        )
    return ok(f"{allowed} functions at once, of which {needed} are used")
