"""The table's side: `table_snapshot` reads one consistent snapshot; `columns` says which columns are compared."""
