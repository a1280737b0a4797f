"""An imitation of the part of Stripe's API that the adapter uses: intents held, captured and canceled, refunds, lists,
idempotency keys. `wire.py` speaks HTTP and decides nothing; `state.py` holds the rules; `server.py` keeps what was done
in `stripe.sqlite`.

Not there: search, events, disputes, customers, the steps of 3-D Secure, keys of the API, versions, answers of 409 and
5xx, rate limits beyond one payment method, amounts and currencies that only some accounts may use.
"""
