"""A PySOA service with an action for each thing that the tests want to see happen."""
