//! The help page, made from the table of keys.

use super::Leaving;
use super::keys::{Action, GROUPS};
use super::row::{Role, Row};

/// Columns of the keys.
const KEYS: usize = 22;

/// The page.
pub(crate) fn rows(leaving: Leaving) -> Vec<Row> {
    let mut rows = Vec::new();
    for group in GROUPS {
        if !rows.is_empty() {
            rows.push(Row::new());
        }
        rows.push(Row::of(Role::Heading, group.title));
        for binding in group.bindings {
            let keys: Vec<String> = binding
                .keys
                .iter()
                .map(|key| name(&key.to_string()))
                .collect();
            let row = Row::of(Role::Command, format!("  {}", keys.join(", "))).pad_to(KEYS);
            let row = row.with(Role::Plain, binding.help);
            rows.push(match binding.action {
                Action::Quit => row.with(Role::Muted, format!(": {}", leaving.words())),
                _ => row,
            });
        }
    }
    rows
}

fn name(key: &str) -> String {
    match key {
        " " => "Space".to_owned(),
        other => other.to_owned(),
    }
}
