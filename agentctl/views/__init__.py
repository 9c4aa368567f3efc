"""What the log adds up to: pure folds of events into what people and the engine look at."""
