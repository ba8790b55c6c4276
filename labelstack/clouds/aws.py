"""AWS itself: clients with the machine's credentials. Pulumi deploys there, the in-process engine never does."""

from __future__ import annotations

import os
from collections.abc import Mapping

import boto3

from labelstack.clouds.base import Capabilities, Clients
from labelstack.errors import CloudSettingsError

CAPABILITIES = Capabilities(rekognition_rules=False)


class AwsCloud(Clients):
    """An account and region, as the standard variables and profiles say.

    Attributes:
        name: `aws`.
        capabilities: All but rules for Rekognition's answers.
        endpoint_url: None: every service has its own.
    """

    name = "aws"
    capabilities = CAPABILITIES
    endpoint_url: str | None = None

    def __init__(self, region: str | None = None) -> None:
        """Create sessions with the standard credentials.

        Args:
            region: Where; AWS's own configuration says it when absent.

        Raises:
            CloudSettingsError: There is no region or no credentials.
        """
        # boto3 itself reads AWS_DEFAULT_REGION only, all other SDKs AWS_REGION.
        session = boto3.Session(region_name=region or os.environ.get("AWS_REGION") or None)
        if not session.region_name:
            raise CloudSettingsError("no AWS region is set: set AWS_REGION, or `region` in ~/.aws/config")
        if session.get_credentials() is None:
            raise CloudSettingsError(
                "no AWS credentials were found: log in (aws sso login), or set AWS_PROFILE or AWS_ACCESS_KEY_ID"
            )
        self.region = str(session.region_name)
        super().__init__(session, None, max_attempts=5)

    @property
    def instance(self) -> str:
        """Return a constant: AWS does not lose a deployment."""
        return f"aws:{self.region}"

    def stack_config(self) -> Mapping[str, str]:
        """Return the region; a stack's file has the rest."""
        return {"aws:region": self.region}
