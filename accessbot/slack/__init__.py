"""The counter: listeners, ids, pure block builders, parsers, the guard and the notifier."""
