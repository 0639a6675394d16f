//! A control-flow graph's lines with their styles.

use ukdbg_session::cfg_viewer::{Role, TextLine};

use super::{Style, Styles};

/// The lines as text.
pub(crate) fn graph(lines: &[TextLine], styles: Styles) -> String {
    let mut out = String::new();
    for line in lines {
        let row: String = line
            .spans
            .iter()
            .map(|span| match style(span.role) {
                Some(style) => styles.paint(style, &span.text),
                None => span.text.clone(),
            })
            .collect();
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

fn style(role: Role) -> Option<Style> {
    Some(match role {
        Role::Title | Role::CurrentInstruction => Style::Strong,
        Role::FaultBorder | Role::FaultingInstruction | Role::Unresolved => Style::Bad,
        Role::Label | Role::BackEdge => Style::Heading,
        Role::Address | Role::Note | Role::DimBorder => Style::Dim,
        Role::Source => Style::Name,
        Role::Border | Role::Instruction | Role::Edge | Role::Space => return None,
    })
}
