"""The database server, for everybody who talks to it: connections, TLS, and what its error numbers mean."""
