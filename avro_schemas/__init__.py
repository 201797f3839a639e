"""From a schema everything else follows: topic, subject, columns, table, and the changes of a table.

    files     what people wrote         ┐
    registry  what producers registered ┴─> avro  types ─> columns ─> tables  layout, changes

`naming` says what things are called. Everything is computed without a connection, except in `registry`.
"""
