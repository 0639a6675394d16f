//! Replies as text, from views made by hand. Whole reports are snapshots; what
//! decides a line is a table.

mod backtraces;
mod documents;
mod hostile;
mod reports;
mod views;
