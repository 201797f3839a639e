"""Rows and messages without a counterpart, found in bounded memory.

`rows` finds them by a `tally` of each side, `pairs` says which two of them are one row that was altered.
"""
