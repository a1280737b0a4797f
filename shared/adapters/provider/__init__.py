"""The payment provider's HTTP API: `client.py` speaks it, `words.py` and `disputes.py` say what its answers mean.
`webhook.py` tells its own events from others'.
"""
