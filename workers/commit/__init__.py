"""The exactly-once core: a batch -> rows, dead letters and offset in one transaction.

table_writer       the way of a batch to its COMMIT
batch_encoder      what is written of it: encoded_batch, tombstones, key_watch, row_statements
partition_owner    what follows from each answer of the database; database_outage waits
offset_ledger      the transaction: offset_statements, open_transaction, partition_claim, ledger_connection
batch_work         rows and dead letters in it (work), what the server refuses: row_trial, batch_refusals, caution
"""
