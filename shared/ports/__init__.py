"""What the verbs and steps need from outside, as Protocols. Knows no SDK.

One file per outside thing; each says what it raises.
"""
