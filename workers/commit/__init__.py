"""The exactly-once core: a batch -> rows, dead letters and offset in one transaction.

table_writer       the way of a batch to its COMMIT; caution says how
encoding           its messages -> what is written for them
partition_owner    what follows from each answer of the database; database_outage waits
offsets            the transaction, and who owns the partition
writing            rows and dead letters in it (work), and what the server refuses
"""
