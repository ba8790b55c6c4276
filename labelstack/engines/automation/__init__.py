"""The Pulumi engine: the Pulumi CLI, driven by Pulumi's Automation API, with everything of a stack in one folder."""
