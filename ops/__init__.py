"""The operator's command: it speaks HTTP only, so it is the same for a laptop and for Azure. Never deployed.

It imports nothing of the app and nothing of `local`.
"""
