"""What every local service stands on: one file on disk, commits in groups, a process that starts and stops in order.

Knows no service, and imports nothing else of `local`.
"""
