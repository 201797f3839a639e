"""The table's side: one consistent snapshot, and which columns are compared.

`table_snapshot` asks over one `snapshot_connection`; `columns` says in which columns a schema's fields are.
"""
