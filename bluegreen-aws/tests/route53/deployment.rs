//! A whole deployment by the deployer, in virtual time.
