//! When what may be done, where clocks are set forward and back too.
