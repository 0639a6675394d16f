//! The rules, each on a scene of its own: registers, an instruction, what its
//! addresses are, and what the verdict must say.

mod endings;
mod page_fault;
mod protection;
mod rights;
mod stage;

use stage::Stage;
