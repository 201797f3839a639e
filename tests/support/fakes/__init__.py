"""Stand-ins inside the test's own process: no socket, answers that are written down beforehand."""
