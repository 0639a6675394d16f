//! A machine that stopped somewhere in an image, asked every request there is.

use std::sync::{Arc, OnceLock};

use ukdbg_session::diagnose::EmulatorEvidence;
use ukdbg_session::inspect::{Module, Modules, VirtAddr};
use ukdbg_session::{
    Decompressed, Extent, Format, Function, Image, NoSources, RegisterSet, Request, Scope, Session,
    Syntax,
};

use super::machine::Machine;
use crate::random::Random;

/// Names that values are asked of.
const NAMES: usize = 4;

/// Asks everything of a machine that stopped in this image.
pub(super) fn ask(image: Arc<Image<'_>>, functions: &[Function], random: &mut Random) {
    let entries = functions.iter().map(|function| function.entry.0);
    let mut code: Vec<u64> = entries.take(4096).collect();
    code.push(image.entry().0);
    for at in &mut code {
        *at = at.wrapping_add(random.next() % 48);
    }
    let machine = Machine::of(&image, &code, random);
    let requests = requests(&image, &code, random);
    let mut session = session(image, machine);
    for request in requests {
        if let Ok(reply) = session.answer(request) {
            let _ = serde_json::to_string(&reply);
        }
    }
}

fn session<'data>(
    image: Arc<Image<'data>>,
    machine: Machine<'data>,
) -> Session<'data, Machine<'data>> {
    let mut modules = Modules::default();
    modules.push(Module::unmoved("image".into(), image));
    Session::new(machine, modules, Box::new(NoSources))
}

fn requests(image: &Image<'_>, code: &[u64], random: &mut Random) -> Vec<Request> {
    let mut requests = vec![
        Request::Backtrace(Scope::All),
        Request::Backtrace(Scope::Selected),
        Request::Report(EmulatorEvidence::default()),
        Request::Registers { frame: 1 },
        Request::Source {
            frame: 0,
            context: 3,
        },
        Request::Trace { newest: Some(50) },
        Request::Locals {
            frame: None,
            extent: Extent::default(),
        },
        Request::FrameRegisters {
            frame: 2,
            set: RegisterSet::All,
        },
        Request::Tables { vcpu: None },
        of_code(None),
    ];
    let symbols = image.symbol_table();
    for _ in 0..NAMES {
        let at = VirtAddr(random.pick(code).copied().unwrap_or(0));
        requests.extend([Request::Disassembly { at }, Request::Graph { at }]);
        if let Some(symbol) = random.pick(&symbols) {
            requests.extend(of_name(symbol.name.demangled.raw(), random));
        }
    }
    requests
}

fn of_code(expression: Option<String>) -> Request {
    Request::Code {
        expression,
        frame: None,
        syntax: Syntax::Att,
    }
}

fn of_name(name: &str, random: &mut Random) -> Vec<Request> {
    let forms = [
        name.to_owned(),
        format!("*{name}"),
        format!("&{name}"),
        format!("{name}[1..20]"),
        format!("*({name} as *const u64)@8"),
    ];
    let letters = ["64bx", "16gx", "9s", "20i", "8a", "5c", "4f"];
    let letter = random.pick(&letters).copied().unwrap_or("x");
    let format = letter.parse().unwrap_or(Format {
        count: None,
        size: None,
        letter: None,
    });
    let mut requests: Vec<_> = forms.into_iter().map(|form| print(form, None)).collect();
    requests.extend([
        print(name.to_owned(), Some(format)),
        of_code(Some(name.to_owned())),
        Request::Whois {
            expression: format!("&{name}"),
            frame: None,
        },
        Request::Examine {
            expression: format!("&{name}"),
            frame: None,
            format,
        },
        Request::List {
            place: Some(name.to_owned()),
            frame: None,
            context: 5,
        },
    ]);
    requests
}

fn print(expression: String, format: Option<Format>) -> Request {
    Request::Print {
        expression,
        frame: None,
        format,
        extent: Extent::default(),
    }
}

/// Asks for the value of what a user typed, in a small program.
pub(super) fn ask_expression(bytes: &[u8]) {
    static PROGRAM: OnceLock<Option<Arc<Image<'static>>>> = OnceLock::new();
    let image = PROGRAM.get_or_init(|| {
        let room: &'static Decompressed = Box::leak(Box::default());
        let bytes = crate::corpus::program().ok()?.leak();
        Image::parse(bytes, room).ok().map(Arc::new)
    });
    let Some(image) = image else {
        return;
    };
    let expression = String::from_utf8_lossy(bytes).into_owned();
    let random = &mut Random::of_bytes(bytes);
    let machine = Machine::of(image, &[image.entry().0], random);
    let mut session = session(Arc::clone(image), machine);
    let whois = Request::Whois {
        expression: expression.clone(),
        frame: None,
    };
    let list = Request::List {
        place: Some(expression.clone()),
        frame: None,
        context: 5,
    };
    for request in [print(expression, None), whois, list] {
        if let Ok(reply) = session.answer(request) {
            let _ = serde_json::to_string(&reply);
        }
    }
}
