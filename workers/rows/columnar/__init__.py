"""Many messages -> rows as text, a column at a time, by polars; only where nothing is in doubt.

`choice` makes a `column_encoder` for a schema, where polars is installed. `wire_fields` says which fields the bytes of
a body have, one after the other; `container` makes of a batch's messages a file in memory that polars reads;
`wire_columns` reads it, and proves by `encoded_sizes` that the bytes say nothing else than the columns. `column_forms`
chooses how a column is written (`form`), from `number_forms`, `text_forms` and `time_forms`; `metadata_columns` has
what Kafka says of a message. `polars_calls` keeps what polars raises and prints from the writer.
"""
