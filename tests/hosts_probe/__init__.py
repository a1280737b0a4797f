"""One small app, asked the same questions under Microsoft's Functions host and under ours.

`python -m tests.hosts_probe` prints the answers of ours; with E2E_HOST='func start' those of the host which that
command starts. `answers.json` keeps what Microsoft's said, and tests/local/test_hosts_probe.py holds ours to it.
"""
