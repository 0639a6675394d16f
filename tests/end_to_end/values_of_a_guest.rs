//! Variables and expressions of a unikernel with values of every type, against
//! what it says on its own console.

use serde_json::Value;
use ukdbg_tests::{BuiltGuest, Qemu, Tool, Ukdbg, assemble, available, oracle_guest};

/// All of each value.
const ALL: [&str; 4] = ["--depth", "30", "--elements", "2000"];

/// Variables that an optimising rustc keeps nowhere at the stop: references to
/// constants, which it builds anew, and what nothing after the stop needs.
const LOST: &[&str] = &[
    "bytes", "slice", "grid", "borrowed", "number", "debug", "text", "shape", "last", "sum",
    // In a register that the call does not keep (System V ABI §3.2.1).
    "numbers",
];

/// The guest at rest, inside of all of its functions.
struct Oracle {
    built: BuiltGuest,
    guest: Qemu,
    /// As `locals --all` has them, the innermost first.
    frames: Vec<Value>,
}

/// One variable: what the guest says, and what we do.
struct Compared {
    name: String,
    said: String,
    found: Vec<String>,
}

impl Oracle {
    fn boot(flags: &[&str]) -> Option<Self> {
        if !available(&[Tool::Gcc, Tool::Qemu]) {
            return None;
        }
        let built = oracle_guest(flags)?;
        let guest = Qemu::boot(&built.image, &[]);
        guest.wait_for_console("READY");
        guest.wait_until_at_rest();
        let mut oracle = Self {
            built,
            guest,
            frames: Vec::new(),
        };
        let mut locals = oracle.ask("locals", &["--all"]).and(ALL).json(0);
        let frames = locals["frames"].as_array_mut().expect("a list");
        oracle.frames = std::mem::take(frames);
        Some(oracle)
    }

    fn ask(&self, command: &str, rest: &[&str]) -> Ukdbg {
        let endpoint = format!("unix:{}", self.guest.gdb_socket().display());
        Ukdbg::new([command, &endpoint])
            .and(rest)
            .and(["--image"])
            .and([&self.built.image])
    }

    /// An expression's value in a frame, or what is wrong with it.
    fn print(&self, frame: usize, expression: &str) -> String {
        let frame = frame.to_string();
        let asked = self.ask("print", &["--frame", &frame, expression]);
        let run = asked.and(ALL).environment("COLUMNS", "9999").run();
        let text = match run.code {
            Some(0) => run.stdout,
            _ => run.stderr,
        };
        text.trim_end().to_owned()
    }

    /// Where functions whose name ends so are among the frames.
    fn frames_of(&self, function: &str) -> Vec<usize> {
        let is_it = |frame: &Value| {
            let name = frame["function"]["demangled"].as_str();
            name.is_some_and(|name| name.ends_with(function))
        };
        let found = self.frames.iter().enumerate();
        found
            .filter_map(|(index, frame)| is_it(frame).then_some(index))
            .collect()
    }

    /// What it says of the variables of each stop's caller, and what we do.
    fn compared(&self) -> Vec<Compared> {
        let console = self.guest.console().replace('\r', "");
        let groups: Vec<&str> = console.split("STOP\n").collect();
        // Before the first stop and after the last there is nothing.
        let groups = &groups[1..groups.len() - 1];
        let mut stops = self.frames_of("say::stop");
        assert_eq!(stops.len(), groups.len(), "every stop is a frame");
        stops.push(self.frames.len());
        let mut compared = Vec::new();
        // The innermost frame is the last to have spoken.
        for (stop, group) in stops.windows(2).zip(groups.iter().rev()) {
            let callers = stop[0] + 1..stop[1];
            for line in group.lines() {
                let Some(line) = line.strip_prefix("SAYS ") else {
                    continue;
                };
                let (name, said) = line.split_once(" = ").expect("name and value");
                let mut found = variables(&self.frames[callers.clone()], name);
                // Locals show less of what pointers lead to.
                let shortened = said.contains(" → ") && !found.iter().any(|found| found == said);
                if name.contains("::") || shortened && !is_lost(&found) {
                    found.push(self.print(callers.start, name));
                }
                compared.push(Compared {
                    name: name.to_owned(),
                    said: said.to_owned(),
                    found,
                });
            }
        }
        compared
    }
}

/// What the variables of that name hold, as text.
fn variables(frames: &[Value], name: &str) -> Vec<String> {
    let all = frames
        .iter()
        .filter_map(|frame| frame["variables"].as_array());
    let named = all.flatten().filter(|variable| variable["name"] == name);
    named
        .filter_map(|variable| variable["text"].as_str())
        .map(ToOwned::to_owned)
        .collect()
}

/// Not known, as a whole or in part, and said to be so.
fn is_lost(found: &[String]) -> bool {
    found.is_empty()
        || found.iter().any(|found| {
            ["<unavailable", "<optimized out"]
                .iter()
                .any(|lost| found.contains(lost))
        })
}

/// Checks that all are equal or may be lost; how many are known.
#[track_caller]
fn expect_equal_or_lost(compared: &[Compared], may_be_lost: &[&str]) -> usize {
    let mut known = 0;
    for Compared { name, said, found } in compared {
        if found.contains(said) {
            known += 1;
            continue;
        }
        assert!(
            is_lost(found) && may_be_lost.contains(&&**name),
            "{name}\n  guest: {said}\n  read:  {found:?}"
        );
    }
    known
}

#[test]
fn every_variable_is_what_the_guest_says() {
    let Some(oracle) = Oracle::boot(&[]) else {
        return;
    };
    let compared = oracle.compared();
    assert!(compared.len() > 200, "{}", compared.len());
    expect_equal_or_lost(&compared, &[]);
    expressions(&oracle);
}

#[test]
fn optimised_variables_are_what_the_guest_says_or_lost() {
    for flags in [
        &["-Copt-level=2"][..],
        &["-Copt-level=3", "-Clto=fat", "-Ccodegen-units=1"],
    ] {
        let Some(oracle) = Oracle::boot(flags) else {
            return;
        };
        let compared = oracle.compared();
        assert!(compared.len() > 200, "{}", compared.len());
        let known = expect_equal_or_lost(&compared, LOST);
        println!("{flags:?}: {known} of {} known", compared.len());
        assert!(known * 100 > compared.len() * 93, "{known}");
    }
}

#[test]
fn statics_of_c_functions() {
    if !available(&[Tool::Gcc]) {
        return;
    }
    let built = assemble("statics.c", &[]);
    let endpoint = format!("image:{}", built.image.display());
    for (expression, expected) in [
        ("counted::count", "2"),
        ("counted::inner", "3"),
        ("hidden::count", "4"),
        ("statics.c::count", "1"),
        ("sizeof(counted::count)", "4"),
    ] {
        let run = Ukdbg::new(["print", &endpoint, expression]).run();
        assert_eq!(run.stdout.trim_end(), expected, "{expression}: {run}");
    }
}

/// Expressions in the frames of functions, and what they give.
fn expressions(oracle: &Oracle) {
    for (function, table) in EXPRESSIONS {
        let frame = oracle.frames_of(function)[0];
        for (expression, expected) in *table {
            let printed = oracle.print(frame, expression);
            let first = printed.lines().next().unwrap_or_default();
            let matches = match expected.strip_suffix('…') {
                Some(start) => first.starts_with(start),
                None => first == *expected,
            };
            assert!(matches, "{expression}: expected {expected}, not {printed}");
        }
    }
}

/// By function: expression and its value, or the first line of what is wrong
/// with it, from the start to a `…`.
const EXPRESSIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "plain::scalars",
        &[
            ("a + 1", "201"),
            ("single * 2.0 > 0.2", "true"),
            ("double / -1e299", "10.0"),
            ("f == 0xdf", "true"),
        ],
    ),
    (
        "plain::structures",
        &[
            ("meters.0 > 0.2", "true"),
            ("point.x + point.y", "-1"),
            ("nested.0.1", "2"),
            ("whole.tags[1] == \"tag-1\"", "true"),
        ],
    ),
    (
        "enums::enums",
        &[
            ("side == Sell", "true"),
            ("side == Side::Buy", "false"),
            ("square.Square.at.y", "-2"),
            ("fine.Ok.0 + 1", "5"),
            ("sides[2]", "Some(Sell)"),
        ],
    ),
    (
        "collections::sequences",
        &[
            ("vector[1..]", "[2, 3]"),
            ("orders[1].price", "Some(4)"),
            ("ring[2]", "7"),
            ("ring[2..7]", "[7, 0, 1, 2, 100]"),
            ("ring[6..]", "[100, 101]"),
            ("list[1..3]", "[2, 3]"),
            ("list[3]", "ukdbg: index 3 is outside of the 3 elements"),
            ("ring[7..9]", "ukdbg: index 9 is outside of the 8 elements"),
            ("fixed[1]", "6"),
            ("boxed[1] + shared[0]", "5"),
        ],
    ),
    (
        "collections::maps",
        &[
            ("tree[3]", "30"),
            ("tree[77]", "ukdbg: `BTreeMap<u32, u64, …"),
            ("texts[\"two\"][1]", "2"),
            ("tall[89] == \"89\"", "true"),
        ],
    ),
    (
        "pointers::cells",
        &[
            ("*counted", "Point { x: 5, y: 6 }"),
            ("counted.x", "5"),
            ("counted.strong", "Cell { value: 2 }"),
            ("*atomic + 1", "10"),
            ("*cell", "ukdbg: `Cell<u8>` is no pointer"),
            ("boxed.id", "1"),
            ("*pinned", "44"),
        ],
    ),
    (
        "objects::objects",
        &[
            ("*boxed", "Monitor { trades: 4, volume: 2 }"),
            ("boxed.trades", "4"),
            ("*counted", "Aligned(9)"),
            ("*number", "6"),
            ("*all[1]", "Aligned(2)"),
        ],
    ),
    (
        "places::statics",
        &[
            ("types::places::TABLE[1].y", "4"),
            ("crate::places::COUNTER + 1", "78"),
            ("table[0].x", "1"),
            ("crate::places::statics as u64 > 0x400000", "true"),
            ("guest.rs::go_deeper == guest::go_deeper", "true"),
            ("go_deeper::NEXT", "20"),
            ("Observer::seen", "ukdbg: `Observer::seen` names 7 places"),
            (
                "<Monitor as Observer>::seen == <Monitor as model::Observer>::seen",
                "true",
            ),
        ],
    ),
];
