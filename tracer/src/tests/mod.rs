//! Tests that need a ring: a model of the guest's writer, and hostile memory.

mod hostile;
mod interleaving;
mod model;
mod newest;
mod schema;
