"""The embedded stack: a broker, a registry and a database that need only Python."""
