"""The diagnosis of this machine or an account for a cloud: `diagnose` runs every check that concerns it.

A check is a function of a `Setting` that gives a `Finding`. All it sees of the world comes through the setting's
`System` and `Account`.
"""
