"""What an API key may do, each by itself."""

SCOPES = ("certificates:write", "statuses:write")
