"""A payment provider and a merchant's endpoint with scripted behaviour, on one port.

`wire.py` speaks HTTP and decides nothing; `state.py` and `merchant.py` hold the rules and know no protocol;
`store.py` keeps what was answered.
"""

from local.provider.server import RunningProvider, start

__all__ = ["RunningProvider", "start"]
