"""Clouds a stack can be deployed to: start, wait, stop, and what each can and cannot do."""

from labelstack.clouds.aws import AwsCloud
from labelstack.clouds.base import Capabilities, Cloud
from labelstack.clouds.embedded import EmbeddedCloud
from labelstack.clouds.localstack import LocalStackCloud

__all__ = ["AwsCloud", "Capabilities", "Cloud", "EmbeddedCloud", "LocalStackCloud"]
