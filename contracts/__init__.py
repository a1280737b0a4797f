"""What others build on, in words of machines: the HTTP API as OpenAPI 3.1, integration events as JSON Schema.

Development only: it writes files, and the app serves what was written. Nothing that ships may import it.
"""
