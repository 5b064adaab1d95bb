"""``make test-live-aws``: questions that only a real AWS account can answer. Never part of ``make test``.

``python -m tests.live_aws`` asks; the tests in this folder run the same code against the sandbox, which proves that
it works and nothing about AWS.
"""
