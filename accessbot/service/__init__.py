"""The verbs: one public function for each thing that a person or a timer can do."""
