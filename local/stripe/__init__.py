"""An imitation of the part of Stripe's API that the adapter uses: intents held, captured and canceled, refunds, lists,
idempotency keys. `wire.py` speaks HTTP and decides nothing; `state.py` holds the rules. It keeps all in memory, and has
no search, no events, no disputes, no customers, no 3-D Secure and no refund that becomes failed later.
"""
