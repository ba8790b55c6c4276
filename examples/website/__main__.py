"""Website and WebsiteFiles: a folder as a site on S3, with settings of the deployment in its config.json."""

from pathlib import Path

import pulumi

from components.website import Website, WebsiteArgs, WebsiteFiles, WebsiteFilesArgs

config = pulumi.Config()
site = Website("site", WebsiteArgs(kind="s3", endpoint=config.get("websiteEndpoint")))  # or cloudfront, for HTTPS
WebsiteFiles(
    "site",
    WebsiteFilesArgs(
        bucket_name=site.bucket_name,
        folder=Path(__file__).resolve().parent / "page",
        config={"stack": pulumi.get_stack(), "apiUrl": "https://api.example"},
        connect=["https://api.example"],
    ),
)

pulumi.export("url", site.url)
pulumi.export("bucket", site.bucket_name)
