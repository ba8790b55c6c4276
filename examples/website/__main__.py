"""Website and WebsiteFiles: a folder as a site on S3, with settings of the deployment in its config.json."""

from pathlib import Path

import pulumi

from components import Website, WebsiteFiles

site = Website("site", {"kind": "s3"})  # or cloudfront, for HTTPS
WebsiteFiles(
    "site",
    {
        "site": site,
        "folder": Path(__file__).resolve().parent / "page",
        "config": {"stack": pulumi.get_stack(), "apiUrl": "https://api.example"},
        "connect": ["https://api.example"],
    },
)

pulumi.export("url", site.url)
pulumi.export("bucket", site.bucket_name)
