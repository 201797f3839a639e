"""From a schema everything else follows: topic, subject, columns, table, and the changes of a table.

    files     what people wrote         ┐
    registry  what producers registered ┴─> avro  types ─> columns ─> tables  layout, changes

Everything is computed without a connection; `registry` is the one room that talks to a server.
"""
