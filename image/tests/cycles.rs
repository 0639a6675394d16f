//! Debugging information that leads back to itself, written by hand: what no
//! compiler makes, and random damage hardly ever.

mod common;

use common::Program;
use ukdbg_image::{
    CodeAddr, CompanionFiles, Decompressed, Image, LinkAddr, TriedPlace, TypeId, WantedFile,
};

/// One unit of DWARF 5; entries are labelled by what is wrong with them.
const SOURCE: &str = r#"
    .globl _start
    .text
_start: nop
    ret
end:
    .section .gnu_debugaltlink,"",@progbits
    .asciz "itself"
    .byte 1, 2, 3, 4
    .section .note.identity,"a",@note
    .balign 4
    .long 4, 4, 3
    .asciz "GNU"
    .byte 1, 2, 3, 4
    .section .debug_abbrev,"",@progbits
    .uleb128 1, 0x11, 1, 0, 0                    # unit
    .uleb128 2, 0x04, 0, 0x49, 0x13, 0, 0        # enumeration of a type
    .uleb128 3, 0x13, 1, 0, 0                    # structure
    .uleb128 4, 0x0d, 0, 0x49, 0x13, 0x0c, 0x0b, 0x0d, 0x0b, 0, 0 # bit-field
    .uleb128 5, 0x16, 0, 0x49, 0x13, 0, 0        # typedef
    .uleb128 6, 0x2e, 0, 0x31, 0x13, 0x11, 0x01, 0x12, 0x0b, 0, 0 # function with an origin
    .uleb128 7, 0x13, 0, 0x69, 0x1f20, 0, 0      # structure in another file
    .uleb128 8, 0x33, 1, 0, 0                    # variant part
    .uleb128 9, 0x19, 1, 0, 0                    # variant
    .uleb128 0
    .section .debug_info,"",@progbits
unit:
    .long after - unit - 4
    .short 5
    .byte 1, 8
    .long 0
    .uleb128 1
enum:     .uleb128 2
    .long enum - unit
bits:     .uleb128 3
    .uleb128 4
    .long bits - unit
    .byte 1, 1
    .uleb128 0
alias:    .uleb128 5
    .long alias - unit
function: .uleb128 6
    .long function - unit
    .quad _start
    .byte end - _start
abroad:   .uleb128 7
    .long abroad - unit
deep:     .uleb128 3
    .rept 100000
    .uleb128 8
    .uleb128 9
    .endr
    .rept 200000
    .uleb128 0
    .endr
    .uleb128 0
    .uleb128 0
after:
"#;

/// Whatever is wanted is the program itself.
struct Itself(&'static [u8]);

impl CompanionFiles<'static> for Itself {
    fn find(
        &self,
        _: WantedFile<'_>,
        fits: &mut dyn FnMut(&'static [u8]) -> bool,
    ) -> Vec<TriedPlace> {
        assert!(fits(self.0), "it has the build-id that it wants");
        Vec::new()
    }
}

#[test]
fn what_leads_back_to_itself_ends() {
    let flags = ["-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none"];
    let program = Program::assembly(SOURCE, &flags);
    let bytes: &'static [u8] = program.bytes.leak();
    let room: &'static Decompressed = Box::leak(Box::default());
    let image = Image::parse(bytes, room).expect("a linked program");
    let image = image.with_companion_files(Itself(bytes));
    let size = image.section(".debug_info").expect("it has one").size;
    assert!(size > 200_000);
    // Every byte may be where a type begins.
    for position in 0..64 {
        let _ = image.type_of(TypeId(position));
    }
    assert!(image.types_named("absent").is_empty());
    let entry = image.entry();
    let frames = image.source_frames(CodeAddr::Exact(entry));
    assert_eq!(frames.len(), 1);
    assert!(image.variables(CodeAddr::Exact(entry), 0).is_empty());
    assert!(image.may_jump_back(entry));
    assert!(image.call_site(LinkAddr(entry.0 + 1)).is_none());
}
