"""The states of the product that its pictures show: one shop on one morning, always the same to the second.

Everything is made up and fits together: what the letters say is parked is parked on the map. Each answer is held to
the contract before a picture is made of it, so that none shows what the app cannot say.
"""
