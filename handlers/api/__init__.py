"""What the API's functions share: requests of either gateway, answers, problem documents, checks of what was sent.

Needs boto3 and Powertools, and nothing else of `handlers`.
"""
