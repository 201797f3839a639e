"""`rtpipe verify`: is everything consumed, and is the table what the topic says?

verify            a run: topic by topic; report has what it found, view shows it
topic_comparison  every message against every row (`--values`): topic_reader and decoder on one side, table_snapshot on
                  the other, rows compares them, pairs and differences name what differs
values            the one form of a value for both sides, NaN included; times, user_columns, shown_values belong to it
columns, schemas  which columns and schemas take part
latest_by_key     which messages have rows in upsert mode; tombstone_keys; dead_letters have none
"""
