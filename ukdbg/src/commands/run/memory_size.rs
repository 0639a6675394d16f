//! A memory size as QEMU takes it, checked before QEMU sees it.

/// Checks a size: a number with an optional binary suffix.
pub(super) fn check(text: &str) -> Result<(), String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = &text[digits.len()..];
    let number: u64 = digits
        .parse()
        .map_err(|_| format!("`{text}` is not a memory size (try 64M or 1G)"))?;
    let known = [
        "", "k", "K", "m", "M", "g", "G", "t", "T", "MB", "GB", "MiB", "GiB",
    ];
    if !known.contains(&suffix) {
        return Err(format!("unknown unit `{suffix}` (use K, M or G)"));
    }
    if number == 0 {
        return Err("a guest needs some memory".to_owned());
    }
    Ok(())
}

/// The size in QEMU's own form: one letter at most.
pub(super) fn for_qemu(text: &str) -> String {
    text.trim_end_matches("iB").trim_end_matches('B').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{check, for_qemu};

    #[test]
    fn sizes() {
        for good in ["64M", "1G", "512", "16MiB", "2GB", "65536k"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["plenty", "", "M", "0M", "-1M", "1.5G", "64X", "64 M"] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert_eq!(for_qemu("16MiB"), "16M");
        assert_eq!(for_qemu("2GB"), "2G");
        assert_eq!(for_qemu("64M"), "64M");
    }
}
