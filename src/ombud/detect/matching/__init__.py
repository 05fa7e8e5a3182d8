"""What a rule demands of one event, as data, in the plainest way: the oracle."""
