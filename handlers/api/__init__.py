"""Code that the API's functions share: requests of either gateway, answers, problem documents, checks of input.

Needs boto3 and Powertools, and nothing else of `handlers`.
"""
