//! The rules, each on a scene of its own.
