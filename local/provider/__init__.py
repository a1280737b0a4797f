"""A payment provider and a merchant's endpoint with scripted behaviour, on one port.

`wire.py` and `desk.py` speak HTTP and decide nothing; `state.py`, `disputes.py`, `events.py` and `merchant.py` hold the
rules and know no protocol; `store.py` keeps what was answered; `sender.py` tells others of what changed.
"""

from local.provider.server import start

__all__ = ["start"]
