//! Functions that never return, by name: for images whose debugging
//! information does not cover their libraries.

/// Exact names, of C and of Rust's runtime.
const NAMES: [&str; 24] = [
    "_Exit",
    "_Unwind_Resume",
    "__assert_fail",
    "__chk_fail",
    "__cxa_rethrow",
    "__cxa_throw",
    "__cxa_throw_bad_array_new_length",
    "__fortify_fail",
    "__rust_alloc_error_handler",
    "__rust_foreign_exception",
    "__rust_start_panic",
    "__stack_chk_fail",
    "_exit",
    "abort",
    "exit",
    "longjmp",
    "pthread_exit",
    "quick_exit",
    "rust_begin_unwind",
    "rust_oom",
    "rust_panic",
    "std::terminate()",
    "alloc::alloc::handle_alloc_error",
    "alloc::raw_vec::handle_error",
];

/// How the names of diverging functions in Rust's libraries end.
const ENDINGS: [&str; 7] = [
    "_fail",
    "_failed",
    "_failed_inner",
    "_error_fail",
    "::capacity_overflow",
    "::panic_access_error",
    "::panic_already_borrowed",
];

/// Whether every function of that demangled name never returns.
pub(crate) fn never_returns(demangled: &str) -> bool {
    // Symbols of the v0 mangling carry their instance.
    let generic = demangled.split("::<").next().unwrap_or(demangled);
    let name = generic.trim();
    let in_library = ["core::", "std::", "alloc::"]
        .iter()
        .any(|library| name.starts_with(library));
    NAMES.contains(&name)
        || name
            .strip_prefix("core::panicking::")
            .is_some_and(|function| function.starts_with("panic") || function.ends_with("_failed"))
        || in_library && ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::never_returns;

    #[test]
    fn names_of_diverging_functions() {
        let check = |name, expected| assert_eq!(never_returns(name), expected, "{name}");
        check("core::panicking::panic_fmt", true);
        check("core::panicking::panic_bounds_check", true);
        check("core::panicking::assert_failed::<u32, u32>", true);
        check("core::slice::index::slice_index_fail", true);
        check("core::option::unwrap_failed", true);
        check("alloc::raw_vec::capacity_overflow", true);
        check("abort", true);
        check("engine::abort", false);
        check("core::panicking::unreachable_display_helper", false);
        check("engine::order_fail", false);
        check("<core::fmt::Formatter>::pad", false);
    }
}
