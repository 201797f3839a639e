"""The database server: connections, TLS, and what its error numbers mean."""
