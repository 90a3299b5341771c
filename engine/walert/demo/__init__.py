"""What `walert demo` runs: a small training that learns and then diverges, and a mailbox on loopback."""
