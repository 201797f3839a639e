"""What is worked out from a schema: subjects, columns, tables and their changes.

    files     what people wrote         ┐
    registry  what producers registered ┴─> avro  types ─> columns ─> tables  layout, changes

`naming` says what things are called. Everything is computed without a connection, except in `registry`.
"""
