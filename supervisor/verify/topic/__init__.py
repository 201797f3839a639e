"""The topic's side: messages -> rows, and which messages have rows.

`decoder` makes rows by the `schemas` of the topic; `message_reader` those of one schema, many at once. In upsert mode
`latest_by_key` says which messages have rows, and `tombstone_keys` which tombstones have other keys than their rows.
`dead_letters` have no rows.
"""
