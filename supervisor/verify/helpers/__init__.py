"""Processes that read messages and rows, so that a large topic is compared by all cores.

`helper_process` is one of them; `helpers` starts them, shares the work out, and ends them.
"""
