"""UploadBucket alone: a private bucket for pictures, which forgets them after 30 days."""

import pulumi

from components import UploadBucket

pictures = UploadBucket(
    "pictures",
    {
        "protect_data": False,  # True keeps the bucket from `pulumi destroy`
        "noncurrent_version_days": 7,
        "expiration_days": 30,
        "cors_origins": ["https://app.example"],
    },
)

pulumi.export("bucket", pictures.name)
