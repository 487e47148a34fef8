"""Where people, hands and faces are in pictures: the detectors, and which person is meant."""
