"""Rows and messages without a counterpart, found in bounded memory.

`rows` finds them, `pairs` says which two of them are one row that was altered.
"""
