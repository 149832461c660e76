//! The analysis from the outside: what it decides, and that it never decides without data.

mod decisions;
mod kinds;
mod missing;
mod planning;
mod specs;
mod states;
mod traffic;
mod validity;
