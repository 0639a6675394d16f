//! From text to words. Columns count characters, as a reader does.

use super::error::ExpressionErrorKind;
use super::syntax::Span;

/// Longer than anybody types.
const MOST_CHARACTERS: usize = 4096;

/// A word with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) span: Span,
    pub(super) kind: TokenKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Number(u128),
    Fraction(f64),
    Character(char),
    Text(String),
    /// A name or a path; in quotes for one that has other characters.
    Name(String),
    /// `$name`.
    Register(String),
    Symbol(&'static str),
    End,
}

/// The longest first.
const SYMBOLS: [&str; 31] = [
    "..", "->", "<<", ">>", "==", "!=", "<=", ">=", "&&", "||", "+", "-", "*", "/", "%", "&", "|",
    "^", "~", "!", "<", ">", "(", ")", "[", "]", ".", "@", ",", ";", ":",
];

/// The words of a text, the last one [`TokenKind::End`].
pub(super) fn tokens(text: &[char]) -> Result<Vec<Token>, (Span, ExpressionErrorKind)> {
    if text.len() > MOST_CHARACTERS {
        let limit = MOST_CHARACTERS;
        let span = Span {
            start: limit,
            end: text.len(),
        };
        return Err((span, ExpressionErrorKind::TooLong { limit }));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&first) = text.get(at) {
        if first.is_whitespace() {
            at += 1;
            continue;
        }
        let (kind, end) = match tokens.last().map(|token: &Token| &token.kind) {
            // `pair.0.1` is no fraction.
            Some(TokenKind::Symbol("." | "->")) => token(text, at, first)?,
            last => match wider(text, at, last) {
                Some(found) => found,
                None => token(text, at, first)?,
            },
        };
        let span = Span { start: at, end };
        tokens.push(Token { span, kind });
        at = end;
    }
    tokens.push(Token {
        span: Span {
            start: text.len(),
            end: text.len() + 1,
        },
        kind: TokenKind::End,
    });
    Ok(tokens)
}

/// Words that other words begin: a fraction, and where a value is expected
/// `<Type as Trait>::name`.
fn wider(text: &[char], at: usize, last: Option<&TokenKind>) -> Option<(TokenKind, usize)> {
    if text[at].is_ascii_digit() {
        return fraction(text, at);
    }
    let after_value = match last {
        Some(TokenKind::Symbol(symbol)) => matches!(*symbol, ")" | "]"),
        last => last.is_some(),
    };
    (text[at] == '<' && !after_value).then(|| qualified(text, at))?
}

/// `1.5`, `2.0e-3`, `1e3`.
fn fraction(text: &[char], at: usize) -> Option<(TokenKind, usize)> {
    let digit = |at: usize| text.get(at).is_some_and(char::is_ascii_digit);
    let point = end_of(text, at, |character| character.is_ascii_digit());
    let pointed = text.get(point) == Some(&'.') && digit(point + 1);
    let mut end = match pointed {
        true => end_of(text, point + 1, |character| character.is_ascii_digit()),
        false => point,
    };
    let mut is_fraction = pointed;
    if matches!(text.get(end), Some('e' | 'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some('+' | '-')));
        if digit(end + 1 + sign) {
            end = end_of(text, end + 1 + sign, |character| character.is_ascii_digit());
            is_fraction = true;
        }
    }
    if !is_fraction {
        return None;
    }
    let digits: String = text[at..end].iter().collect();
    Some((TokenKind::Fraction(digits.parse().ok()?), end))
}

/// `<Type as Trait>::name`, whole.
fn qualified(text: &[char], at: usize) -> Option<(TokenKind, usize)> {
    let mut nesting = 0_usize;
    let rest = text[at..].iter().position(|&character| {
        match character {
            '<' => nesting += 1,
            '>' => nesting -= 1,
            _ => {}
        }
        nesting == 0
    });
    let close = at + rest? + 1;
    let name = text.get(close + 2).copied().is_some_and(is_word);
    if !text[close..].starts_with(&[':', ':']) || !name {
        return None;
    }
    let end = path_end(text, close + 2);
    Some((TokenKind::Name(text[at..end].iter().collect()), end))
}

fn token(
    text: &[char],
    at: usize,
    first: char,
) -> Result<(TokenKind, usize), (Span, ExpressionErrorKind)> {
    if first.is_ascii_digit() {
        return number(text, at);
    }
    if first == '\'' {
        return quoted(text, at);
    }
    if first == '"' {
        return literal(text, at);
    }
    if first == '$' {
        // `$$2` is a value that was asked for before.
        let from = at + 1 + usize::from(text.get(at + 1) == Some(&'$'));
        let end = end_of(text, from, is_word);
        return Ok((TokenKind::Register(text[at + 1..end].iter().collect()), end));
    }
    if is_word(first) {
        let end = path_end(text, at);
        return Ok((TokenKind::Name(text[at..end].iter().collect()), end));
    }
    let symbol = SYMBOLS
        .iter()
        .find(|symbol| text[at..].starts_with(&symbol.chars().collect::<Vec<_>>()));
    match symbol {
        Some(symbol) => Ok((TokenKind::Symbol(symbol), at + symbol.len())),
        None => Err((
            Span {
                start: at,
                end: at + 1,
            },
            ExpressionErrorKind::Character { character: first },
        )),
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn end_of(text: &[char], from: usize, belongs: impl Fn(char) -> bool) -> usize {
    let rest = text[from..].iter();
    from + rest.take_while(|&&character| belongs(character)).count()
}

/// `a::b::c`.
fn path_end(text: &[char], from: usize) -> usize {
    let mut end = end_of(text, from, is_word);
    while text[end..].starts_with(&[':', ':']) && text.get(end + 2).copied().is_some_and(is_word) {
        end = end_of(text, end + 2, is_word);
    }
    end
}

/// Decimal, `0x`, `0o`, `0b`, with `_` between digits and a Rust suffix.
fn number(text: &[char], at: usize) -> Result<(TokenKind, usize), (Span, ExpressionErrorKind)> {
    let end = end_of(text, at, is_word);
    let digits: String = text[at..end].iter().collect();
    let bad = || {
        let digits = digits.clone();
        let span = Span { start: at, end };
        (span, ExpressionErrorKind::BadNumber { digits })
    };
    let lower = digits.to_lowercase().replace('_', "");
    let (radix, rest) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        _ => (10, &*lower),
    };
    // Hexadecimal digits hold no `u` or `i`, so a suffix begins at the first.
    let (rest, suffix) = match rest.find(['u', 'i']) {
        Some(suffix) => rest.split_at(suffix),
        None => (rest, ""),
    };
    let known = ["", "8", "16", "32", "64", "128", "size"];
    if !suffix.is_empty() && !known[1..].contains(&&suffix[1..]) {
        return Err(bad());
    }
    let value = u128::from_str_radix(rest, radix).map_err(|_| bad())?;
    Ok((TokenKind::Number(value), end))
}

/// `'a'` is a character, `'a path<T>::X'` a name.
fn quoted(text: &[char], at: usize) -> Result<(TokenKind, usize), (Span, ExpressionErrorKind)> {
    let open = |end| (Span { start: at, end }, ExpressionErrorKind::OpenQuote);
    let escaped = text.get(at + 1) == Some(&'\\');
    let from = at + 1 + usize::from(escaped);
    let closing = text
        .get(from + 1..)
        .and_then(|rest| rest.iter().position(|&character| character == '\''));
    let close = from + 1 + closing.ok_or_else(|| open(text.len().max(at + 1)))?;
    let inside = &text[from..close];
    let kind = match (escaped, inside) {
        (false, [one]) => TokenKind::Character(*one),
        (true, ['n']) => TokenKind::Character('\n'),
        (true, ['t']) => TokenKind::Character('\t'),
        (true, ['r']) => TokenKind::Character('\r'),
        (true, ['0']) => TokenKind::Character('\0'),
        (true, [one]) => TokenKind::Character(*one),
        _ => return Ok(scoped(text, inside, close + 1)),
    };
    Ok((kind, close + 1))
}

/// A name in quotes, with what a `::` behind them adds.
fn scoped(text: &[char], inside: &[char], end: usize) -> (TokenKind, usize) {
    let mut name: String = inside.iter().collect();
    let more =
        text[end..].starts_with(&[':', ':']) && text.get(end + 2).is_some_and(|&c| is_word(c));
    let to = if more { path_end(text, end + 2) } else { end };
    name.extend(&text[end..to]);
    (TokenKind::Name(name), to)
}

/// `"text"`, with the escapes that C and Rust share.
fn literal(text: &[char], at: usize) -> Result<(TokenKind, usize), (Span, ExpressionErrorKind)> {
    let mut literal = String::new();
    let mut rest = (at + 1..text.len()).zip(&text[at + 1..]);
    while let Some((here, &character)) = rest.next() {
        match character {
            '"' => return Ok((TokenKind::Text(literal), here + 1)),
            '\\' => literal.push(match rest.next() {
                Some((_, 'n')) => '\n',
                Some((_, 't')) => '\t',
                Some((_, 'r')) => '\r',
                Some((_, '0')) => '\0',
                Some((_, &other)) => other,
                None => break,
            }),
            other => literal.push(other),
        }
    }
    let span = Span {
        start: at,
        end: text.len(),
    };
    Err((span, ExpressionErrorKind::OpenQuote))
}
