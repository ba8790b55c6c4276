"""The AWS provider's settings for an emulator: everything goes to one endpoint, and nothing to AWS."""

from __future__ import annotations

import inspect
import os
from typing import Any

import pulumi_aws as aws
from botocore.credentials import Credentials

# Second names of services, which the provider warns of when the first is set too. Source: the table "Available Endpoint
# Customizations" of the Terraform AWS provider's guide to custom service endpoints.
SECOND_NAMES = """
    amg applicationautoscaling appintegrationsservice appregistry beanstalk cloudcontrolapi cloudhsm cloudwatchevents
    cloudwatchevidently cloudwatchlog cloudwatchlogs cloudwatchobservabilityaccessmanager cloudwatchrum codedeploy
    cognitoidentityprovider config costandusagereportservice costexplorer databasemigration databasemigrationservice
    directoryservice elasticloadbalancing elasticloadbalancingv2 elasticsearchservice es eventbridge gluedatabrew
    inspectorv2 lex lexmodelbuilding lexmodelbuildingservice lexmodelsv2 locationservice managedgrafana msk
    opensearchingestion opensearchservice prometheus prometheusservice rdsdataservice recyclebin redshiftdataapiservice
    resourcegroupstagging s3api serverlessapplicationrepository serverlessapprepo stepfunctions transcribeservice
"""


def endpoint_names() -> list[str]:
    """Return every service whose endpoint the provider takes, as the SDK lists them, each by one name."""
    # `lambda` is a keyword of Python, and `lambda_` the parameter.
    names = {name.rstrip("_") for name in inspect.signature(aws.ProviderEndpointArgs).parameters}
    return sorted(names - set(SECOND_NAMES.split()))


def emulator_settings(endpoint_url: str) -> dict[str, Any]:
    """Return the provider's configuration for an emulator, by full key, without credentials: no file keeps them.

    `skipRequestingAccountId` is not among them: the provider reads a bucket's tags through S3 Control, which needs the
    account's id.
    """
    return {
        "aws:s3UsePathStyle": True,
        "aws:skipCredentialsValidation": True,
        "aws:skipMetadataApiCheck": True,
        "aws:endpoints": [dict.fromkeys(endpoint_names(), endpoint_url)],
    }


def emulator_environment(endpoint_url: str, credentials: Credentials) -> dict[str, str]:
    """Return variables that keep the provider away from a person's own profiles, credentials and roles."""
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": "",
        "AWS_PROFILE": "",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": endpoint_url,
    }
