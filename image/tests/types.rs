//! Types, variables and expressions of compiled programs.

mod common;

use common::{Program, image};
use ukdbg_image::{
    BaseEncoding, CodeAddr, Decompressed, DwarfRegister, Expression, ExpressionContext, Image,
    LinkAddr, Member, Type, TypeId, TypeKind, ValueLocation, Variable, VariableKind,
    VariableLocation,
};

const SHAPES: &str = r#"
enum colour { RED = -1, GREEN = 2 };
union word { int whole; char bytes[4]; };
typedef unsigned long count_t;
struct shape {
    const char *name;
    enum colour colour;
    unsigned low : 3, high : 7;
    union word word;
    count_t counts[2][3];
    double weight;
    _Bool solid;
    struct shape *next;
    int (*visit)(struct shape *);
    struct hidden *hidden;
    char tail[];
};
struct shape first;
static int private_counter = 3;
__attribute__((noinline)) static int add(int left, int right) {
    int sum = left + right;
    { volatile int inner = sum * 2; sum += inner; }
    static int calls = 1;
    return sum + calls++;
}
int main(int count, char **arguments) {
    (void)arguments;
    return add(count, private_counter) + (first.next != 0);
}
"#;

fn raw(name: Option<&ukdbg_image::Untrusted>) -> &str {
    name.map_or("", |name| name.raw())
}

fn global_type(image: &Image<'_>, name: &str) -> Type {
    let globals = image.globals_named(name);
    assert_eq!(globals.len(), 1, "{name}: {globals:?}");
    resolve(image, globals[0].ty)
}

/// The type behind aliases.
fn resolve(image: &Image<'_>, id: Option<TypeId>) -> Type {
    let ty = image.type_of(id.expect("a type")).expect("a type");
    match ty.kind {
        TypeKind::Alias(target) => resolve(image, target),
        _ => ty,
    }
}

fn member<'a>(members: &'a [Member], name: &str) -> &'a Member {
    let mut named = members
        .iter()
        .filter(|member| raw(member.name.as_ref()) == name);
    named
        .next()
        .unwrap_or_else(|| panic!("{name} in {members:?}"))
}

fn members(ty: &Type) -> &[Member] {
    match &ty.kind {
        TypeKind::Struct { members, .. } | TypeKind::Union { members } => members,
        other => panic!("{other:?}"),
    }
}

#[test]
fn c_types_are_as_declared() {
    for version in ["-gdwarf-4", "-gdwarf-5"] {
        let program = Program::c(SHAPES, &[version, "-O0"]);
        let room = Decompressed::default();
        let image = image(&program.bytes, &room);
        let shape = global_type(&image, "first");
        assert_eq!(raw(shape.name.as_ref()), "shape");
        assert_eq!(shape.size, Some(112));
        let of = |name: &str| {
            let member = member(members(&shape), name);
            (member.offset, resolve(&image, member.ty))
        };
        let (offset, colour) = of("colour");
        assert_eq!(offset, 8);
        let TypeKind::Enumeration {
            enumerators,
            signed,
        } = &colour.kind
        else {
            panic!("{colour:?}");
        };
        let values: Vec<_> = enumerators
            .iter()
            .map(|(name, value)| (name.raw(), *value))
            .collect();
        assert_eq!((values, *signed), (vec![("RED", -1), ("GREEN", 2)], true));

        let bits = |name| member(members(&shape), name).bits;
        assert_eq!(
            (bits("low"), bits("high"), bits("name")),
            (Some((96, 3)), Some((99, 7)), None)
        );

        let (offset, word) = of("word");
        assert_eq!((offset, word.size, members(&word).len()), (16, Some(4), 2));
        let (_, counts) = of("counts");
        let TypeKind::Array { element, counts } = &counts.kind else {
            panic!("{counts:?}");
        };
        assert_eq!(*counts, [Some(2), Some(3)]);
        assert_eq!(
            resolve(&image, *element).kind,
            TypeKind::Base(BaseEncoding::Unsigned)
        );
        assert_eq!(of("weight").1.kind, TypeKind::Base(BaseEncoding::Float));
        assert_eq!(of("solid").1.kind, TypeKind::Base(BaseEncoding::Boolean));

        let TypeKind::Pointer(next) = of("next").1.kind else {
            panic!()
        };
        assert_eq!(resolve(&image, next), shape);
        let TypeKind::Pointer(visit) = of("visit").1.kind else {
            panic!()
        };
        assert_eq!(resolve(&image, visit).kind, TypeKind::Function);
        let TypeKind::Pointer(hidden) = of("hidden").1.kind else {
            panic!()
        };
        assert_eq!(resolve(&image, hidden).kind, TypeKind::Incomplete);
        let TypeKind::Array { counts, .. } = of("tail").1.kind else {
            panic!()
        };
        assert_eq!(counts, [None]);
    }
}

/// A frame whose CFA is known, and nothing else.
struct Frame;

impl ExpressionContext for Frame {
    fn register(&mut self, register: DwarfRegister) -> Option<u64> {
        (register == DwarfRegister::RBP).then_some(0x7000)
    }
    fn memory(&mut self, _: u64, _: u8) -> Option<u64> {
        None
    }
    fn cfa(&mut self) -> Option<u64> {
        Some(0x8000)
    }
    fn entry_value(&mut self, _: DwarfRegister) -> Option<u64> {
        None
    }
    fn relocate(&mut self, address: LinkAddr) -> Option<u64> {
        address.0.checked_add(0x10_0000)
    }
}

fn locate(image: &Image<'_>, variable: &Variable<'_>) -> Option<ValueLocation> {
    match variable.location.as_ref()? {
        VariableLocation::Expression {
            location,
            frame_base,
        } => image
            .evaluate(location, frame_base.as_ref(), &mut Frame)
            .ok(),
        VariableLocation::Constant(bytes) => Some(ValueLocation::Value(bytes.clone())),
    }
}

fn address_of_line(image: &Image<'_>, text: &str) -> LinkAddr {
    let line = SHAPES
        .lines()
        .position(|line| line.contains(text))
        .expect("the line")
        + 1;
    image.addresses_of_line("program.c", u32::try_from(line).expect("small"))[0]
}

#[test]
fn arguments_and_locals_have_places_in_the_frame() {
    for version in ["-gdwarf-4", "-gdwarf-5"] {
        let program = Program::c(SHAPES, &[version, "-O0", "-no-pie"]);
        let room = Decompressed::default();
        let image = image(&program.bytes, &room);
        let at = |text| image.variables(CodeAddr::Exact(address_of_line(&image, text)), 0);
        let outside = at("int sum = left");
        let described: Vec<_> = outside
            .iter()
            .map(|variable| (variable.name.raw(), variable.kind))
            .collect();
        let (argument, local) = (VariableKind::Argument, VariableKind::Local);
        let expected = [
            ("left", argument),
            ("right", argument),
            ("sum", local),
            ("calls", local),
        ];
        assert_eq!(described, expected);
        for variable in &outside[..3] {
            let place = locate(&image, variable);
            let in_frame = |place: &ValueLocation| matches!(place, ValueLocation::Memory(address) if (0x7f00..0x8000).contains(address));
            assert!(
                place.as_ref().is_some_and(in_frame),
                "{variable:?}: {place:?}"
            );
        }
        let calls = image.symbol_named("calls.0").expect("the static").address.0;
        assert_eq!(
            locate(&image, &outside[3]),
            Some(ValueLocation::Memory(calls + 0x10_0000))
        );
        let inside = at("volatile int inner");
        assert!(inside.iter().any(|variable| variable.name.raw() == "inner"));
        let counter = &image.globals_named("private_counter")[0];
        let address = image
            .symbol_named("private_counter")
            .expect("the static")
            .address
            .0;
        assert_eq!(
            locate(&image, counter),
            Some(ValueLocation::Memory(address + 0x10_0000))
        );
    }
}

#[test]
fn an_inlined_function_has_its_own_arguments() {
    let source =
        "static inline __attribute__((always_inline)) int scale(int value, int by, int unused) {
            int product = value * by; __asm__ volatile(\"nop\" : \"+r\"(product)); return product; }
        __attribute__((noinline)) int outer(int given) { return scale(given + 1, 21, 5); }
        int main(int count, char **arguments) { (void)arguments; return outer(count); }";
    for version in ["-gdwarf-4", "-gdwarf-5"] {
        let program = Program::c(source, &[version, "-O2"]);
        let room = Decompressed::default();
        let image = image(&program.bytes, &room);
        let nop = image.functions_named("outer")[0].ranges[0].clone();
        let inlined = (nop.start.0..nop.end.0)
            .map(|address| CodeAddr::Exact(LinkAddr(address)))
            .find(|&address| image.source_frames(address).len() == 2)
            .expect("inlined code");
        let names = |level| {
            let variables = image.variables(inlined, level);
            let names = variables
                .iter()
                .map(|variable| variable.name.raw().to_owned());
            names.collect::<Vec<_>>()
        };
        assert_eq!(names(0), ["value", "by", "unused", "product"]);
        assert_eq!(names(1), ["given"]);
        assert!(names(2).is_empty());
        let by = &image.variables(inlined, 0)[1];
        let Some(ValueLocation::Value(bytes)) = locate(&image, by) else {
            panic!("{by:?}");
        };
        assert_eq!(bytes[0], 21);
    }
}

const RUST: &str = r#"
pub enum Shape { Empty, Circle { radius: u32 }, Square(u8, u64) }
#[repr(i8)] #[derive(Clone, Copy)] pub enum Sign { Minus = -1, Plus = 1 }
pub struct All<'a> {
    shape: Shape, sign: Sign, text: &'a str, maybe: Option<&'a u8>, pair: (u8, char), list: [u16; 5],
}
#[used] static TOTAL: u64 = 5;
fn main() {
    let byte = std::env::args().count() as u8;
    let all = All { shape: Shape::Circle { radius: byte as u32 }, sign: Sign::Plus, text: "a", maybe: Some(&byte), pair: (1, 'x'), list: [1; 5] };
    let other = Shape::Square(1, 2); let empty = Shape::Empty; let minus = Sign::Minus;
    std::hint::black_box((&all, &other, &empty, &minus));
}
"#;

#[test]
fn rust_types_have_variants() {
    let program = Program::rust(RUST, &["-g"]);
    let room = Decompressed::default();
    let image = image(&program.bytes, &room);
    let main = &image.functions_named("program::main")[0];
    let last = LinkAddr(main.ranges[0].end.0 - 1);
    let all = (main.entry.0..last.0)
        .flat_map(|address| image.variables(CodeAddr::Exact(LinkAddr(address)), 0))
        .find(|variable| variable.name.raw() == "all")
        .expect("the variable");
    let all = resolve(&image, all.ty);
    let of = |name: &str| resolve(&image, member(members(&all), name).ty);

    let shape = of("shape");
    let TypeKind::Struct {
        variants: Some(variants),
        ..
    } = &shape.kind
    else {
        panic!("{shape:?}");
    };
    let discriminant = variants.discriminant.as_ref().expect("stored");
    assert_eq!(discriminant.offset, 0);
    let names: Vec<_> = variants
        .variants
        .iter()
        .map(|variant| raw(variant.members[0].name.as_ref()))
        .collect();
    assert_eq!(names, ["Empty", "Circle", "Square"]);
    assert_eq!(variants.variants[1].discriminant, Some(vec![1..=1]));
    let circle = resolve(&image, variants.variants[1].members[0].ty);
    assert_eq!(member(members(&circle), "radius").offset, 4);

    let maybe = of("maybe");
    let TypeKind::Struct {
        variants: Some(niche),
        ..
    } = &maybe.kind
    else {
        panic!("{maybe:?}");
    };
    let selectors: Vec<_> = niche
        .variants
        .iter()
        .map(|variant| variant.discriminant.clone())
        .collect();
    assert_eq!(selectors, [Some(vec![0..=0]), None]);

    let TypeKind::Enumeration {
        enumerators,
        signed: true,
    } = of("sign").kind
    else {
        panic!("{:?}", of("sign"));
    };
    assert_eq!(enumerators[0].1, -1);
    let text = of("text");
    assert_eq!(raw(text.name.as_ref()), "&str");
    assert_eq!(member(members(&text), "length").offset, 8);
    let pair = of("pair");
    let character = resolve(&image, member(members(&pair), "__1").ty);
    assert_eq!(character.kind, TypeKind::Base(BaseEncoding::Unicode));
    assert!(matches!(of("list").kind, TypeKind::Array { counts, .. } if counts == [Some(5)]));
    assert_eq!(image.globals_named("program::TOTAL").len(), 1);
}

#[test]
fn expressions_that_cannot_be_answered_say_why() {
    let program = Program::c(SHAPES, &["-g"]);
    let room = Decompressed::default();
    let image = image(&program.bytes, &room);
    let encoding = match &image.globals_named("first")[0].location {
        Some(VariableLocation::Expression { location, .. }) => location.encoding,
        other => panic!("{other:?}"),
    };
    let check = |bytes: &[u8], expected: Result<ValueLocation, &str>| {
        let bytes = bytes.to_vec().leak();
        let expression = Expression {
            bytes,
            encoding,
            unit: Some(0),
        };
        let found = image.evaluate(&expression, None, &mut Frame);
        assert_eq!(
            found.map_err(|error| error.to_string()),
            expected.map_err(str::to_owned)
        );
    };
    check(&[], Ok(ValueLocation::OptimizedOut));
    check(&[0x50], Ok(ValueLocation::Register(DwarfRegister(0))));
    check(&[0x76, 8], Ok(ValueLocation::Memory(0x7008)));
    check(&[0x9c, 0x23, 4], Ok(ValueLocation::Memory(0x8004)));
    check(
        &[0x35, 0x9f],
        Ok(ValueLocation::Value(vec![5, 0, 0, 0, 0, 0, 0, 0])),
    );
    check(&[0x9e, 2, 7, 9], Ok(ValueLocation::Value(vec![7, 9])));
    let pieces = vec![
        (ValueLocation::Register(DwarfRegister(0)), 8),
        (ValueLocation::OptimizedOut, 4),
    ];
    check(&[0x50, 0x93, 8, 0x93, 4], Ok(ValueLocation::Pieces(pieces)));
    check(&[0x70, 0], Err("register 0 is not available"));
    check(&[0x91, 0], Err("the frame base is not available"));
    check(&[0x9c, 0x06], Err("memory at 0x8000 is not available"));
    check(
        &[0xa3, 1, 0x55, 0x9f],
        Err("the value at the function's entry is not available"),
    );
    // skip -3: for ever.
    check(
        &[0x2f, 0xfd, 0xff],
        Err("the expression does not end within 10000 operations"),
    );
    // dup, skip -4: a stack that grows for ever.
    check(
        &[0x31, 0x12, 0x2f, 0xfc, 0xff],
        Err("the expression does not end within 10000 operations"),
    );
    check(
        &[0xff],
        Err("unusable expression: unknown expression opcode: 0xff"),
    );
}

const GENERIC: &str = r#"
pub trait Speak { fn word(&self) -> u16; }
pub struct Held<T> { value: T, times: u32 }
pub struct Loud;
impl Speak for Held<u16> { fn word(&self) -> u16 { self.value + self.times as u16 } }
impl Speak for Loud { fn word(&self) -> u16 { 7 } }
fn main() {
    let held = Held { value: std::env::args().count() as u16, times: 2 };
    let all: [&dyn Speak; 2] = [&held, &Loud];
    for one in std::hint::black_box(all) { println!("{}", one.word()); }
}
"#;

#[test]
fn generic_types_and_tables_of_traits() {
    for arguments in [["-g", "-Cdwarf-version=4"], ["-g", "-Cdwarf-version=5"]] {
        let program = Program::rust(GENERIC, &arguments);
        let room = Decompressed::default();
        let image = image(&program.bytes, &room);
        let data = image
            .section(".data.rel.ro")
            .expect("tables need relocation");
        let addresses = (0..data.bytes.len() as u64).step_by(8);
        let tables: Vec<_> = addresses
            .filter_map(|offset| image.virtual_table_at(LinkAddr(data.address.0 + offset)))
            .filter(|table| table.name.raw().contains("as program::Speak>"))
            .map(|table| {
                image
                    .type_of(table.concrete.expect("not merged"))
                    .expect("a type")
            })
            .collect();
        let mut names: Vec<_> = tables.iter().map(|ty| raw(ty.name.as_ref())).collect();
        names.sort_unstable();
        assert_eq!(names, ["Held<u16>", "Loud"]);
        let held = tables.iter().find(|ty| !ty.parameters.is_empty());
        let [parameter] = held.expect("one is generic").parameters.as_slice() else {
            panic!("{held:?}");
        };
        assert_eq!(raw(parameter.name.as_ref()), "T");
        assert_eq!(raw(resolve(&image, parameter.ty).name.as_ref()), "u16");
        assert_eq!(image.virtual_table_at(LinkAddr(0)), None);
    }
}
