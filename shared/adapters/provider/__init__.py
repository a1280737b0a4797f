"""The payment provider's HTTP API: `client.py` speaks it, `words.py` says what its answers mean."""
