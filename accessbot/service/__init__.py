"""The verbs: one public method for each thing that a person or a timer can do."""
