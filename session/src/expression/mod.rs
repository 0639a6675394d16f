//! Expressions as a debugger's user types them, close to Rust and to C: paths
//! to variables and statics, `.field`, `[index]`, `[from..to]`, `*`, `&`,
//! casts, registers, arithmetic, comparison. Nothing is ever written or
//! called.

mod error;
mod evaluate;
mod history;
mod lexer;
mod names;
mod numbers;
mod parser;
mod scopes;
mod syntax;
mod vectors;

#[cfg(test)]
mod tests;

pub use error::{ExpressionError, ExpressionErrorKind};
pub(crate) use evaluate::{Evaluator, evaluate};
pub(crate) use history::History;

/// Whether a text is an expression at all, whatever it then denotes.
pub(crate) fn check(text: &str) -> Result<(), Box<ExpressionError>> {
    parser::parse(text).map(|_| ())
}
