//! Event sites: an `asm!` block that puts the event's descriptor (see
//! [`ukdbg_guest_abi::event`]) in its section and yields the descriptor's
//! offset there. No linker script and no macro crate is needed, and generic
//! code that is never instantiated leaves nothing.
//!
//! AT&T syntax, for in the other one an immediate label reads as memory.

/// In a guest the section is not loaded and lies at address 0, so a label in
/// it *is* its offset, and fits a 32-bit immediate because the guest is linked
/// at fixed addresses. `ukdbg_guest` says so where the target's name does not:
/// the kernel's build sets it when it builds for the host's triple.
#[cfg(any(target_os = "none", ukdbg_guest))]
#[doc(hidden)]
#[macro_export]
macro_rules! __event_site {
    ($level:expr, $name:literal, $($field:ident : $type:ident),*) => {
        $crate::__event_descriptor!(
            (".pushsection .ukdbg.events,\"\",@progbits") ("movl $2b, {site:e}") ()
            $level, $name, $($field: $type),*
        )
    };
}

/// A host's program is position independent and cannot link that, so there the
/// section is loaded, under a name for which the linker defines its bounds.
#[cfg(not(any(target_os = "none", ukdbg_guest)))]
#[doc(hidden)]
#[macro_export]
macro_rules! __event_site {
    ($level:expr, $name:literal, $($field:ident : $type:ident),*) => {
        $crate::__event_descriptor!(
            (".pushsection ukdbg_events,\"a\",@progbits")
            ("leaq 2b(%rip), {site}",
             "leaq __start_ukdbg_events(%rip), {start}",
             "subq {start}, {site}")
            (start = out(reg) _,)
            $level, $name, $($field: $type),*
        )
    };
}

/// The descriptor itself, in a given section and loaded by given instructions.
#[doc(hidden)]
#[macro_export]
macro_rules! __event_descriptor {
    (($section:literal) ($($load:literal),*) ($($scratch:tt)*)
     $level:expr, $name:literal, $($field:ident : $type:ident),*) => {{
        let site: u64;
        #[allow(unsafe_code)]
        // SAFETY: the one instruction outside the pushed section loads a
        // number; it touches no memory and no stack.
        unsafe {
            ::core::arch::asm!(
                $section,
                "2:",
                ".long 3f - 2b",
                ".byte {}, {}, {}, 0",
                ".long {}",
                ::core::concat!(".asciz \"", $name, "\""),
                ::core::concat!(".asciz \"", ::core::file!(), "\""),
                $(".byte {}", ::core::concat!(".asciz \"", ::core::stringify!($field), "\""),)*
                "3:",
                ".popsection",
                $($load,)*
                const $crate::trace::DESCRIPTOR_VERSION,
                const { let level: $crate::trace::Level = $level; level as u8 },
                const <[&str]>::len(&[$(::core::stringify!($field)),*]),
                const ::core::line!(),
                $(const <$crate::__event_type!($type)
                    as $crate::trace::FieldValue>::TYPE as u8,)*
                site = out(reg) site,
                $($scratch)*
                options(att_syntax, pure, nomem, nostack),
            );
        }
        site as u32
    }};
}
