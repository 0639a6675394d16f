//! Phrases that several rules use.

use ukdbg_image::SourceLocation;
use ukdbg_inspect::{AccessKind, AddressKind, HeapEntry, ImagePlace, Region, VirtAddr};

use crate::scene::{Addresses, Caller};
use crate::verdict::FailedAccess;

/// `read of 8 bytes`, `write`, `jump`.
pub(super) fn what(access: &FailedAccess) -> String {
    let verb = match access.kind {
        AccessKind::Read => "read",
        AccessKind::Write => "write",
        AccessKind::Execute => return "jump".to_owned(),
    };
    match access.size {
        Some(1) => format!("{verb} of 1 byte"),
        Some(size) if size > 0 => format!("{verb} of {size} bytes"),
        _ => verb.to_owned(),
    }
}

/// `1 byte`, `8 bytes`.
pub(super) fn bytes(count: u64) -> String {
    match count {
        1 => "1 byte".to_owned(),
        _ => format!("{count} bytes"),
    }
}

/// `16 KiB`, or bytes where that would not be exact.
pub(super) fn size(count: u64) -> String {
    if count > 0 && count.is_multiple_of(1024) {
        format!("{} KiB", count / 1024)
    } else {
        bytes(count)
    }
}

/// `a 32-byte heap block at 0x1000`.
pub(super) fn block(block: &HeapEntry) -> String {
    format!("{} at {}", heap_block(block), block.address)
}

/// `a 32-byte heap block`.
pub fn heap_block(block: &HeapEntry) -> String {
    format!("{} {}-byte heap block", article(block.size), block.size)
}

/// The article of a number as it is read: an eight, an eleven, an eighteen
/// (thousand, million), an eight hundred.
fn article(number: u64) -> &'static str {
    let digits = number.to_string();
    let eleven = digits.starts_with("11") || digits.starts_with("18");
    if digits.starts_with('8') || (eleven && digits.len() % 3 == 2) {
        "an"
    } else {
        "a"
    }
}

/// ` allocated in `Book::insert` at book.rs:88`, or nothing when that is not
/// known: the innermost caller outside library and runtime.
pub(super) fn by(addresses: &mut dyn Addresses, verb: &str, callers: &[VirtAddr]) -> String {
    let named: Vec<Caller> = callers
        .iter()
        .filter_map(|&at| addresses.caller(at))
        .collect();
    let own = named.iter().find(|caller| !caller.is_library);
    own.map_or_else(String::new, |caller| {
        let place = caller
            .location
            .as_ref()
            .map_or_else(String::new, |place| format!(" at {}", short(place)));
        format!(" {verb} in `{}`{place}", caller.function.raw())
    })
}

/// `book.rs:88`.
fn short(place: &SourceLocation) -> String {
    let path = place.file.path.raw();
    let file = path.rsplit('/').next().unwrap_or(path);
    match place.line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    }
}

/// What an address is, as the object of a sentence: `read-only data
/// (`FEES`+0x8 in .rodata)`.
pub(super) fn object(at: VirtAddr, kind: &AddressKind) -> String {
    match kind {
        AddressKind::NonCanonical => format!("{at}, which is no address"),
        AddressKind::NullPage { .. } => format!("{at}, in the page at 0"),
        AddressKind::Stack { stack } => format!("{at}, in the stack of `{}`", stack.name.raw()),
        AddressKind::StackGuard { stack, .. } => {
            format!(
                "{at}, in the guard below the stack of `{}`",
                stack.name.raw()
            )
        }
        AddressKind::HeapBlock {
            block: entry,
            offset,
        } => {
            format!("{at}, {} into {}", bytes(*offset), block(entry))
        }
        AddressKind::FreedBlock {
            block: entry,
            offset,
        } => format!(
            "{at}, {} into {} that was freed",
            bytes(*offset),
            block(entry)
        ),
        AddressKind::PastBlock {
            block: entry,
            past_end,
        } => {
            format!(
                "{at}, {} past the end of {}",
                bytes(*past_end),
                block(entry)
            )
        }
        AddressKind::BeforeBlock {
            block: entry,
            before,
        } => {
            format!("{at}, {} before {}", bytes(*before), block(entry))
        }
        AddressKind::Heap => format!("{at}, in the heap, in no block it knows"),
        AddressKind::Image(place) => image(at, place),
        AddressKind::Unmapped => format!("{at}, where nothing is mapped"),
        AddressKind::Mapped | AddressKind::Unknown => at.to_string(),
    }
}

fn image(at: VirtAddr, place: &ImagePlace) -> String {
    let region = match place.region {
        Region::Code => "code",
        Region::ReadOnly => "read-only data",
        Region::Data => "data",
    };
    let mut inside = Vec::new();
    if let Some(symbol) = &place.symbol
        && symbol.size.is_none_or(|size| symbol.offset < size)
    {
        let name = symbol.name.demangled.raw();
        inside.push(match symbol.offset {
            0 => format!("`{name}`"),
            offset => format!("`{name}`+{offset:#x}"),
        });
    }
    if let Some(section) = &place.section {
        inside.push(format!("in {}", section.raw()));
    }
    if inside.is_empty() {
        return format!("{at}, {region}");
    }
    format!("{at}, {region} ({})", inside.join(" "))
}

#[cfg(test)]
mod tests {
    use super::{article, size};

    #[test]
    fn articles_are_those_of_the_spoken_number() {
        let check = |number: u64, expected: &str| assert_eq!(article(number), expected, "{number}");
        check(1, "a");
        check(8, "an");
        check(11, "an");
        check(18, "an");
        check(80, "an");
        check(100, "a");
        check(110, "a");
        check(1800, "a");
        check(11_000, "an");
        check(u64::MAX, "an");
    }

    #[test]
    fn sizes_are_exact() {
        let check = |count: u64, expected: &str| assert_eq!(size(count), expected);
        check(0, "0 bytes");
        check(1, "1 byte");
        check(512, "512 bytes");
        check(1536, "1536 bytes");
        check(16384, "16 KiB");
    }
}
