"""A file or folder for each outside thing: it implements ports and turns its SDK's errors into ours.

None imports another.
"""
