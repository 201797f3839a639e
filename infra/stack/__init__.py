"""The embedded stack: a broker, a schema registry and a database that need nothing but Python."""
