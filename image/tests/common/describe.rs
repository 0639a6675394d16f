//! Everything an image says, as text: two builds that differ only in where
//! their debugging information is must say the same.

use std::fmt::Write as _;

use ukdbg_image::{
    CodeAddr, DwarfRegister, ExpressionContext, Image, LinkAddr, TypeId, TypeKind, Variable,
    VariableLocation,
};

/// Types within types beyond which a type is named only.
const DEPTH: usize = 4;

/// A machine that answers the same to every build.
pub(crate) struct Machine;

impl ExpressionContext for Machine {
    fn register(&mut self, register: DwarfRegister) -> Option<u64> {
        Some(u64::from(register.0) << 12)
    }
    fn memory(&mut self, address: u64, _: u8) -> Option<u64> {
        Some(address.rotate_left(13))
    }
    fn cfa(&mut self) -> Option<u64> {
        Some(0x7000)
    }
    fn entry_value(&mut self, register: DwarfRegister) -> Option<u64> {
        Some(u64::from(register.0) << 20)
    }
    fn relocate(&mut self, address: LinkAddr) -> Option<u64> {
        Some(address.0)
    }
}

/// One line for each thing that is said.
pub(crate) fn describe(image: &Image<'_>, globals: &[&str], types: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for function in image.functions() {
        lines.push(format!("{function:?}"));
        let range = &function.ranges[0];
        for address in (range.start.0..range.end.0).step_by(3) {
            lines.extend(at(image, CodeAddr::Exact(LinkAddr(address))));
        }
    }
    for name in globals {
        for global in image.globals_named(name) {
            lines.push(variable(image, &global));
        }
    }
    for name in types {
        let mut named: Vec<String> = image
            .types_named(name)
            .into_iter()
            .map(|id| ty(image, Some(id), DEPTH))
            .collect();
        // A type unit is described once, however many units use it.
        named.sort();
        named.dedup();
        lines.push(format!("{name}: {named:?}"));
    }
    lines
}

fn at(image: &Image<'_>, code: CodeAddr<LinkAddr>) -> Vec<String> {
    let frames = image.source_frames(code);
    let mut lines = vec![format!("{code:?} {frames:?}")];
    for level in 0..frames.len() {
        let variables = image.variables(code, level);
        let described = variables.iter().map(|it| variable(image, it));
        lines.extend(described.map(|it| format!("{code:?} {level} {it}")));
    }
    lines
}

fn variable(image: &Image<'_>, variable: &Variable<'_>) -> String {
    let location = match &variable.location {
        Some(VariableLocation::Expression {
            location,
            frame_base,
        }) => format!(
            "{:?}",
            image.evaluate(location, frame_base.as_ref(), &mut Machine)
        ),
        other => format!("{other:?}"),
    };
    let (name, kind) = (&variable.name, variable.kind);
    // A unit that several images share was compiled in no folder.
    let declaration = variable.declaration.as_ref();
    let declaration = declaration.map(|it| (&it.file.path, it.line));
    let ty = ty(image, variable.ty, DEPTH);
    format!("{kind:?} {name:?}: {ty} = {location} {declaration:?}")
}

fn ty(image: &Image<'_>, id: Option<TypeId>, depth: usize) -> String {
    let Some(ty) = id.and_then(|id| image.type_of(id)) else {
        return "?".to_owned();
    };
    let mut text = format!("{:?} {:?} ", ty.name, ty.size);
    if depth == 0 {
        return text;
    }
    let inner = |id| self::ty(image, id, depth - 1);
    let written = match &ty.kind {
        TypeKind::Pointer(target) => write!(text, "*{}", inner(*target)),
        TypeKind::Alias(target) => write!(text, "={}", inner(*target)),
        TypeKind::Array { element, counts } => write!(text, "[{}; {counts:?}]", inner(*element)),
        TypeKind::Struct { members, variants } => {
            let variants = variants.iter().flat_map(|part| &part.variants);
            let all = members.iter().chain(variants.flat_map(|it| &it.members));
            let all = all.map(|it| (&it.name, it.offset, it.bits, inner(it.ty)));
            write!(text, "struct {:?}", all.collect::<Vec<_>>())
        }
        TypeKind::Union { members } => {
            let all = members.iter().map(|it| (&it.name, it.bits, inner(it.ty)));
            write!(text, "union {:?}", all.collect::<Vec<_>>())
        }
        other => write!(text, "{other:?}"),
    };
    written.expect("writing to a string");
    text
}
