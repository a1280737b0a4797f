"""The merchant's web server over HTTP: `client.py` tells it, `lines.py` says which addresses are called."""
