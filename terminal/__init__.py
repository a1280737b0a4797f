"""What the commands of operators and of the local platform have in common: how they write what others have sent.

Knows no command, no app and no HTTP. Whoever copies `ops/` away from the app takes this with it.
"""
