"""The components for programs in other Pulumi languages: a plugin whose schema is `schema.json`.

Each component here is a thin one: it takes arguments that a schema can describe, and makes the component of the same
name in `components` below itself.
"""
