"""A game day: the local platform is hurt on purpose, one fault after another, and what becomes of it is measured.

Knows the app as its users do, by HTTP, and the platform as its page does.
"""
