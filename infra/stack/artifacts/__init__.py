"""The programs of the embedded stack: locked, downloaded, checked, unpacked once."""
