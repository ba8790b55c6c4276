"""The plugin for other Pulumi languages."""
