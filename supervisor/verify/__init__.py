"""`rtpipe verify`: is everything consumed, and is the table what the topic says?

`verify` is a run, topic by topic; `topic_comparison` is what `--values` adds: every message against every row. `topic`
and `table` have the two sides, `forms` the one form of a value for both, `matching` finds rows and messages without a
counterpart, and `outcome` names, counts and shows what differs. `helpers` do the first pass of a large topic.
"""
