//! Every part of this crate, and the stores of core, keep the contracts of their ports.
#![cfg(test)]

mod conformance {
    mod broken;
    mod fakes;
    mod loopback;
    mod stores;
    mod suite;
}
