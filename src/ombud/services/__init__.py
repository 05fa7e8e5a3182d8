"""Services: the use cases, each in terms of the record, the index and the engines."""
