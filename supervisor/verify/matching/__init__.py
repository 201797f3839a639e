"""Which rows and which messages have no counterpart (`rows`), and which two of them are one altered row (`pairs`)."""
