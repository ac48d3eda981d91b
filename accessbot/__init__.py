"""accessbot: time-bound AWS access through Slack: asked for, approved, given in seconds, taken away with proof."""
