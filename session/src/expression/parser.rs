//! From words to a tree, with Rust's precedences and C's casts.

use ukdbg_image::BaseEncoding;

use super::error::{ExpressionError, ExpressionErrorKind};
use super::lexer::{Token, TokenKind, tokens};
use super::syntax::{Binary, Node, NodeKind, Span, TypeName, Unary};

/// Nested deeper than anybody types; a bound for the machine's stack.
const MOST_NESTING: usize = 64;

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Node, Box<ExpressionError>> {
    let characters: Vec<char> = text.chars().collect();
    let parsed = tokens(&characters).and_then(|tokens| {
        let mut parser = Parser {
            text: &characters,
            tokens,
            at: 0,
            nesting: 0,
        };
        let node = parser.expression(0)?;
        match parser.peek() {
            TokenKind::End => Ok(node),
            _ => Err(parser.unexpected("an operator or the end")),
        }
    });
    parsed.map_err(|(span, kind)| located(text, span, kind))
}

/// The error with its place.
pub(super) fn located(text: &str, span: Span, kind: ExpressionErrorKind) -> Box<ExpressionError> {
    Box::new(ExpressionError {
        text: text.to_owned(),
        column: span.start,
        length: span.end.saturating_sub(span.start).max(1),
        kind,
    })
}

type Parsed<T> = Result<T, (Span, ExpressionErrorKind)>;

struct Parser<'a> {
    text: &'a [char],
    tokens: Vec<Token>,
    at: usize,
    nesting: usize,
}

/// Operators by how tightly they bind.
fn binary(symbol: &str) -> Option<(u8, Binary)> {
    Some(match symbol {
        "||" => (1, Binary::EitherTrue),
        "&&" => (2, Binary::BothTrue),
        "==" => (3, Binary::Equal),
        "!=" => (3, Binary::NotEqual),
        "<" => (3, Binary::Less),
        "<=" => (3, Binary::LessOrEqual),
        ">" => (3, Binary::Greater),
        ">=" => (3, Binary::GreaterOrEqual),
        "|" => (4, Binary::Or),
        "^" => (5, Binary::Xor),
        "&" => (6, Binary::And),
        "<<" => (7, Binary::ShiftLeft),
        ">>" => (7, Binary::ShiftRight),
        "@" => (8, Binary::Repeat),
        "+" => (9, Binary::Add),
        "-" => (9, Binary::Subtract),
        "*" => (10, Binary::Multiply),
        "/" => (10, Binary::Divide),
        "%" => (10, Binary::Remainder),
        _ => return None,
    })
}

impl Parser<'_> {
    fn peek(&self) -> &TokenKind {
        &self.token().kind
    }

    fn token(&self) -> &Token {
        let last = self.tokens.len() - 1;
        &self.tokens[self.at.min(last)]
    }

    fn span(&self) -> Span {
        self.token().span
    }

    fn advance(&mut self) -> Span {
        let span = self.span();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        span
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), TokenKind::Symbol(found) if *found == symbol)
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, symbol: &str, expected: &'static str) -> Parsed<Span> {
        if self.is_symbol(symbol) {
            return Ok(self.advance());
        }
        Err(self.unexpected(expected))
    }

    fn unexpected(&self, expected: &'static str) -> (Span, ExpressionErrorKind) {
        let span = self.span();
        let found = match self.peek() {
            TokenKind::End => "the end".to_owned(),
            _ => format!("`{}`", self.source(span)),
        };
        (span, ExpressionErrorKind::Expected { expected, found })
    }

    fn source(&self, span: Span) -> String {
        let end = span.end.min(self.text.len());
        self.text[span.start.min(end)..end].iter().collect()
    }

    /// An expression of operators that bind at least as tightly as `least`.
    fn expression(&mut self, least: u8) -> Parsed<Node> {
        self.deeper()?;
        let mut left = self.operand()?;
        while let TokenKind::Symbol(symbol) = *self.peek() {
            let Some((strength, operator)) = binary(symbol).filter(|found| found.0 >= least) else {
                break;
            };
            self.advance();
            let right = self.expression(strength + 1)?;
            left = Node {
                span: left.span.to(right.span),
                kind: NodeKind::Binary(operator, Box::new(left), Box::new(right)),
            };
        }
        self.nesting -= 1;
        Ok(left)
    }

    fn deeper(&mut self) -> Parsed<()> {
        self.nesting += 1;
        if self.nesting > MOST_NESTING {
            let limit = MOST_NESTING;
            return Err((self.span(), ExpressionErrorKind::TooDeep { limit }));
        }
        Ok(())
    }

    /// An operand with what stands before it, and casts behind.
    fn operand(&mut self) -> Parsed<Node> {
        let mut node = self.prefixed()?;
        while matches!(self.peek(), TokenKind::Name(name) if name == "as") {
            self.advance();
            let start = node.span;
            let ty = self.type_name()?;
            let end = self.tokens[self.at - 1].span;
            node = Node {
                span: start.to(end),
                kind: NodeKind::Cast(Box::new(node), ty),
            };
        }
        Ok(node)
    }

    fn prefixed(&mut self) -> Parsed<Node> {
        let operator = match *self.peek() {
            TokenKind::Symbol("*") => Unary::Dereference,
            TokenKind::Symbol("&") => Unary::AddressOf,
            TokenKind::Symbol("-") => Unary::Negate,
            TokenKind::Symbol("!") => Unary::Not,
            TokenKind::Symbol("~") => Unary::Complement,
            TokenKind::Symbol("&&") => {
                // `&&x` is no address of anything.
                return Err(self.unexpected("a value"));
            }
            TokenKind::Symbol("(") => {
                if let Some(cast) = self.cast()? {
                    return Ok(cast);
                }
                return self.postfixed();
            }
            TokenKind::Name(ref name) if name == "sizeof" => return self.size_of(),
            _ => return self.postfixed(),
        };
        let start = self.advance();
        self.deeper()?;
        let inner = self.prefixed()?;
        self.nesting -= 1;
        Ok(Node {
            span: start.to(inner.span),
            kind: NodeKind::Unary(operator, Box::new(inner)),
        })
    }

    /// `sizeof value`, `sizeof(type)`. A name in parentheses may be either.
    fn size_of(&mut self) -> Parsed<Node> {
        let start = self.advance();
        let (begin, nesting) = (self.at, self.nesting);
        let ty = match self.accept("(") {
            true => self.type_name().ok().filter(|_| self.accept(")")),
            false => None,
        };
        let kind = match ty {
            Some(TypeName::Named(name, span)) => NodeKind::SizeOf(Box::new(Node {
                span,
                kind: NodeKind::Name(name),
            })),
            Some(ty) => NodeKind::SizeOfType(ty),
            None => {
                (self.at, self.nesting) = (begin, nesting);
                self.deeper()?;
                let value = self.prefixed()?;
                self.nesting -= 1;
                NodeKind::SizeOf(Box::new(value))
            }
        };
        let end = self.tokens[self.at - 1].span;
        Ok(Node {
            span: start.to(end),
            kind,
        })
    }

    /// `(type) operand`, when that is what it is: the parenthesis holds a type
    /// that cannot be a value, or an operand follows it.
    fn cast(&mut self) -> Parsed<Option<Node>> {
        let begin = self.at;
        let start = self.advance();
        let ty = self.type_name();
        let closed = ty.is_ok() && self.accept(")");
        let follows = matches!(
            self.peek(),
            TokenKind::Number(_)
                | TokenKind::Fraction(_)
                | TokenKind::Character(_)
                | TokenKind::Name(_)
                | TokenKind::Register(_)
                | TokenKind::Symbol("(")
        ) && !matches!(self.peek(), TokenKind::Name(name) if name == "as");
        let prefix = matches!(self.peek(), TokenKind::Symbol("*" | "&" | "-" | "!" | "~"));
        let cast = match &ty {
            Ok(TypeName::Named(..)) => follows,
            Ok(_) => follows || prefix,
            Err(_) => false,
        };
        let (Ok(ty), true, true) = (ty, closed, cast) else {
            self.at = begin;
            return Ok(None);
        };
        self.deeper()?;
        let inner = self.prefixed()?;
        self.nesting -= 1;
        Ok(Some(Node {
            span: start.to(inner.span),
            kind: NodeKind::Cast(Box::new(inner), ty),
        }))
    }

    fn postfixed(&mut self) -> Parsed<Node> {
        let mut node = self.primary()?;
        loop {
            if self.accept(".") || self.accept("->") {
                node = self.field(node)?;
            } else if self.accept("[") {
                node = self.subscript(node)?;
            } else {
                return Ok(node);
            }
        }
    }

    fn field(&mut self, of: Node) -> Parsed<Node> {
        let name = match self.peek() {
            // `file.c::name`.
            TokenKind::Name(name) if name.contains("::") => {
                let span = of.span.to(self.advance());
                return Ok(Node {
                    span,
                    kind: NodeKind::Name(self.source(span)),
                });
            }
            TokenKind::Name(name) => name.clone(),
            TokenKind::Number(number) => number.to_string(),
            // `p.*` as some languages have it.
            TokenKind::Symbol("*") => {
                let end = self.advance();
                return Ok(Node {
                    span: of.span.to(end),
                    kind: NodeKind::Unary(Unary::Dereference, Box::new(of)),
                });
            }
            _ => return Err(self.unexpected("a field's name")),
        };
        let end = self.advance();
        Ok(Node {
            span: of.span.to(end),
            kind: NodeKind::Field(Box::new(of), name),
        })
    }

    fn subscript(&mut self, of: Node) -> Parsed<Node> {
        let from = match self.is_symbol("..") {
            true => None,
            false => Some(Box::new(self.expression(0)?)),
        };
        let sliced = self.accept("..");
        let to = match sliced && !self.is_symbol("]") {
            true => Some(Box::new(self.expression(0)?)),
            false => None,
        };
        let end = self.expect("]", "`]`")?;
        let span = of.span.to(end);
        let kind = match (from, sliced) {
            (Some(index), false) => NodeKind::Index(Box::new(of), index),
            (from, _) => NodeKind::Slice(Box::new(of), from, to),
        };
        Ok(Node { span, kind })
    }

    fn primary(&mut self) -> Parsed<Node> {
        let kind = match self.peek().clone() {
            TokenKind::Number(number) => NodeKind::Number(number),
            TokenKind::Fraction(fraction) => NodeKind::Fraction(fraction),
            TokenKind::Character(character) => NodeKind::Character(character),
            TokenKind::Text(text) => NodeKind::Text(text),
            TokenKind::Register(name) => NodeKind::Register(name),
            TokenKind::Name(name) => match &*name {
                "true" => NodeKind::Boolean(true),
                "false" => NodeKind::Boolean(false),
                _ => NodeKind::Name(name),
            },
            TokenKind::Symbol("(") => {
                let start = self.advance();
                let inner = self.expression(0)?;
                let end = self.expect(")", "`)`")?;
                return Ok(Node {
                    span: start.to(end),
                    kind: inner.kind,
                });
            }
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node {
            span: self.advance(),
            kind,
        })
    }

    /// A Rust type (`*const T`, `&T`, `[T; 4]`) or a C one (`struct T *`).
    fn type_name(&mut self) -> Parsed<TypeName> {
        self.deeper()?;
        let rust_pointer = self.accept("*") || self.accept("&");
        let mut ty = if rust_pointer {
            self.accept_words(&["const", "mut"]);
            TypeName::Pointer(Box::new(self.type_name()?))
        } else if self.accept("[") {
            let element = self.type_name()?;
            self.expect(";", "`;` and the number of elements")?;
            let TokenKind::Number(count) = *self.peek() else {
                return Err(self.unexpected("the number of elements"));
            };
            self.advance();
            self.expect("]", "`]`")?;
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            TypeName::Array(Box::new(element), count)
        } else {
            self.plain_type()?
        };
        // C's pointers stand behind; a `*` before an operand multiplies.
        while !rust_pointer && self.is_symbol("*") && self.ends_a_type() {
            self.advance();
            self.accept_words(&["const", "volatile"]);
            // Behind a star `char` is C's.
            if ty == TypeName::Base(BaseEncoding::Unicode, 4) {
                ty = TypeName::Base(BaseEncoding::SignedCharacter, 1);
            }
            ty = TypeName::Pointer(Box::new(ty));
        }
        self.nesting -= 1;
        Ok(ty)
    }

    /// Whether the stars here are followed by what closes a type.
    fn ends_a_type(&self) -> bool {
        let mut rest = self.tokens[self.at..].iter().map(|token| &token.kind);
        matches!(
            rest.find(|kind| **kind != TokenKind::Symbol("*")
                && !matches!(kind, TokenKind::Name(name) if name == "const")),
            Some(TokenKind::Symbol(")" | "]" | ";" | ">") | TokenKind::End)
        )
    }

    fn accept_words(&mut self, words: &[&str]) -> bool {
        let mut any = false;
        while matches!(self.peek(), TokenKind::Name(name) if words.contains(&name.as_str())) {
            self.advance();
            any = true;
        }
        any
    }

    fn plain_type(&mut self) -> Parsed<TypeName> {
        self.accept_words(&["const", "volatile", "struct", "union", "enum", "class"]);
        let unsigned = self.accept_words(&["unsigned"]);
        let signed = self.accept_words(&["signed"]);
        let TokenKind::Name(name) = self.peek().clone() else {
            if unsigned || signed {
                let word = if unsigned { "u32" } else { "i32" };
                return Ok(TypeName::primitive(word).unwrap_or(TypeName::Void));
            }
            return Err(self.unexpected("a type"));
        };
        let start = self.advance();
        if unsigned || signed {
            self.accept_words(&["long", "int"]);
            return Ok(c_integer(&name, unsigned));
        }
        if matches!(&*name, "long" | "short") {
            self.accept_words(&["long", "int"]);
        }
        if let Some(primitive) = TypeName::primitive(&name) {
            return Ok(primitive);
        }
        let end = self.generic_arguments().unwrap_or(start);
        let span = start.to(end);
        let quoted = self.source(start).starts_with('\'');
        let name = if quoted { name } else { self.source(span) };
        Ok(TypeName::Named(name, span))
    }

    /// `<A, B<C>>` behind a type's name, to its last bracket.
    fn generic_arguments(&mut self) -> Option<Span> {
        let begin = self.at;
        let mut nesting = 0_usize;
        loop {
            match self.peek() {
                TokenKind::Symbol("<") => nesting += 1,
                TokenKind::Symbol(">") => nesting = nesting.saturating_sub(1),
                TokenKind::Symbol(">>") => nesting = nesting.saturating_sub(2),
                TokenKind::End => {
                    self.at = begin;
                    return None;
                }
                _ if nesting == 0 => return None,
                _ => {}
            }
            let span = self.advance();
            if nesting == 0 {
                return Some(span);
            }
        }
    }
}

fn c_integer(name: &str, unsigned: bool) -> TypeName {
    let word = match (name, unsigned) {
        ("char", true) => "u8",
        ("char", false) => "i8",
        ("short", true) => "u16",
        ("short", false) => "i16",
        ("long", true) => "u64",
        ("long", false) => "i64",
        (_, true) => "u32",
        (_, false) => "i32",
    };
    TypeName::primitive(word).unwrap_or(TypeName::Void)
}
