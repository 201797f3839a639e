"""What a supervisor says of itself: one model, which table, page, metrics and health read.

It crosses to a process that may be of another version: a missing key means that the value is not known, and a key that
is not known here is left out.
"""
