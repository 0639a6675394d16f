//! Tests over small pieces of machine code.

mod evidence;
mod fixture;
mod forms;
mod hostile;
mod recovery;
mod shapes;
mod tables;
