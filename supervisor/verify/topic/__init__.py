"""The topic's side: messages -> rows, and which messages have rows.

`decoder` makes rows by the `schemas` of the topic. In upsert mode `latest_by_key` says which messages have rows, and
`tombstone_keys` which tombstones have other keys than their rows. `dead_letters` have no rows.
"""
