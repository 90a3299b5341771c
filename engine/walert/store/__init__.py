"""SQLite: checkpoints, fold state, cooldowns, alerts, outbox, happenings; one transaction a pass.

`Store` is the daemon's, `SqliteOutbox` the delivery threads', `Reader` is for people, `Silences` for `walert silence`.
"""
