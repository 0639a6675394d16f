//! Tests over small pieces of machine code.

mod fixture;
mod forms;
mod hostile;
mod recovery;
mod shapes;
mod tables;
