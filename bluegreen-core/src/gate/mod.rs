//! Gates: HTTP, command, metric, and how many answers in a row decide.
