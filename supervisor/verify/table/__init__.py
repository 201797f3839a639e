"""The table's side: one consistent snapshot, and which columns are compared.

`table_snapshot` asks over one `snapshot_connection`; `row_reader` reads the packets of rows. `columns` says in which
columns a schema's fields are.
"""
