"""What `reconcile` is made of: what a difference is, the two ways to find them, and the report. Changes nothing.

`sides` compares the sums of a payment, `lines` a settlement file line by line; `counts` and `settling` ask for both.
"""
