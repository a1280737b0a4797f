"""A provider with the API of Stripe: `client.py` speaks it, `words.py` says what its answers mean."""
