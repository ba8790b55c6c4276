"""The components for programs in other Pulumi languages: a plugin whose schema is `schema.json`."""
