//! "Select graphic rendition": the colours and weights a guest's console output
//! may choose (ECMA-48 §8.3.117, and the 256 and direct colours that terminals
//! agree on). Only reads sequences that the console's filter let through.

use ratatui::style::{Color, Modifier, Style};

/// Text up to the next sequence, that sequence's parameters, and the rest.
pub(crate) fn next(text: &str) -> (&str, Option<&str>, &str) {
    let Some((before, after)) = text.split_once('\u{1b}') else {
        return (text, None, "");
    };
    let whole = after
        .strip_prefix('[')
        .and_then(|body| body.split_once('m'));
    match whole {
        Some((parameters, rest)) => (before, Some(parameters), rest),
        None => (before, None, after),
    }
}

/// The style after a sequence.
pub(crate) fn apply(style: Style, parameters: &str) -> Style {
    let mut codes = parameters
        .split([';', ':'])
        .map(|code| code.parse::<u16>().unwrap_or(0));
    let mut style = style;
    while let Some(code) = codes.next() {
        style = match code {
            0 => Style::new(),
            38 => extended(&mut codes).map_or(style, |color| style.fg(color)),
            48 => extended(&mut codes).map_or(style, |color| style.bg(color)),
            39 => Style { fg: None, ..style },
            49 => Style { bg: None, ..style },
            30..=37 | 90..=97 => style.fg(sixteen(code % 10, code >= 90)),
            40..=47 | 100..=107 => style.bg(sixteen(code % 10, code >= 100)),
            _ => weight(style, code),
        };
    }
    style
}

fn weight(style: Style, code: u16) -> Style {
    let (on, modifier) = match code {
        1 => (true, Modifier::BOLD),
        2 => (true, Modifier::DIM),
        3 => (true, Modifier::ITALIC),
        4 => (true, Modifier::UNDERLINED),
        7 => (true, Modifier::REVERSED),
        9 => (true, Modifier::CROSSED_OUT),
        22 => (false, Modifier::BOLD | Modifier::DIM),
        23 => (false, Modifier::ITALIC),
        24 => (false, Modifier::UNDERLINED),
        27 => (false, Modifier::REVERSED),
        29 => (false, Modifier::CROSSED_OUT),
        // Blinking and concealed text are not for a debugger's screen.
        _ => return style,
    };
    let mut style = style;
    style.add_modifier.set(modifier, on);
    style
}

fn extended(codes: &mut impl Iterator<Item = u16>) -> Option<Color> {
    let mut byte = || u8::try_from(codes.next()?).ok();
    match byte()? {
        5 => Some(Color::Indexed(byte()?)),
        2 => Some(Color::Rgb(byte()?, byte()?, byte()?)),
        _ => None,
    }
}

fn sixteen(digit: u16, bright: bool) -> Color {
    const NORMAL: [Color; 8] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
    ];
    const BRIGHT: [Color; 8] = [
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    let colors = if bright { BRIGHT } else { NORMAL };
    colors[usize::from(digit % 8)]
}

#[cfg(test)]
mod tests {
    use ratatui::style::{Color, Modifier, Style};

    use super::{apply, next};

    #[test]
    fn text_and_sequences_come_apart() {
        assert_eq!(next("plain"), ("plain", None, ""));
        assert_eq!(next("a\u{1b}[1;31mb"), ("a", Some("1;31"), "b"));
        assert_eq!(next("a\u{1b}"), ("a", None, ""));
    }

    #[test]
    fn codes_change_the_style() {
        let check = |codes, expected| assert_eq!(apply(Style::new(), codes), expected, "{codes}");
        check("", Style::new());
        check("31", Style::new().fg(Color::Red));
        check("1;93", {
            let bold = Style {
                add_modifier: Modifier::BOLD,
                ..Style::new()
            };
            bold.fg(Color::LightYellow)
        });
        check("38;5;208", Style::new().fg(Color::Indexed(208)));
        check("48;2;1;2;3", Style::new().bg(Color::Rgb(1, 2, 3)));
        check("38;5;999;31", Style::new().fg(Color::Red));
        check("38", Style::new());
        check("31;0", Style::new());
        check("31;39", Style::new());
        check("1;22", Style::new());
        check("8;5", Style::new());
        check("99999999", Style::new());
    }
}
