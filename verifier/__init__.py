"""The verifier: trusts a policy file and the chain, and nothing that it is handed.

It needs only Python's standard library and shares no code with the service. What the two share is
docs/spec/ and tests/vectors/.
"""
