//! What a trap entry saves, as it lies on the trap's stack.

/// The x87 and SSE state as `fxsave64` writes it (SDM volume 1, table 10-2).
///
/// MXCSR is at byte 24, ST0 at 32, XMM0 at 160, 16 bytes each.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub struct FxArea(pub [u8; 512]);

/// The interrupted state, complete and writable: what a handler changes here
/// is what the interrupted code goes on with.
///
/// The order is that of the pushes in `entry.s`, from the last to the first;
/// the last five words are the processor's own (SDM volume 3A, figure 6-9).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TrapFrame {
    /// x87 and SSE state.
    pub fx: FxArea,
    /// r15.
    pub r15: u64,
    /// r14.
    pub r14: u64,
    /// r13.
    pub r13: u64,
    /// r12.
    pub r12: u64,
    /// r11.
    pub r11: u64,
    /// r10.
    pub r10: u64,
    /// r9.
    pub r9: u64,
    /// r8.
    pub r8: u64,
    /// rbp.
    pub rbp: u64,
    /// rdi.
    pub rdi: u64,
    /// rsi.
    pub rsi: u64,
    /// rdx.
    pub rdx: u64,
    /// rcx.
    pub rcx: u64,
    /// rbx.
    pub rbx: u64,
    /// rax.
    pub rax: u64,
    /// The vector.
    pub vector: u64,
    /// The error code, 0 for a vector without one.
    pub error_code: u64,
    /// The interrupted instruction (after a trap such as `int3`: the next).
    pub rip: u64,
    /// Code segment selector.
    pub cs: u64,
    /// Flags.
    pub rflags: u64,
    /// Stack pointer.
    pub rsp: u64,
    /// Stack segment selector.
    pub ss: u64,
}

impl TrapFrame {
    /// rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8 … r15: the order of GDB's
    /// amd64 description.
    pub fn general(&self) -> [u64; 16] {
        [
            self.rax, self.rbx, self.rcx, self.rdx, self.rsi, self.rdi, self.rbp, self.rsp,
            self.r8, self.r9, self.r10, self.r11, self.r12, self.r13, self.r14, self.r15,
        ]
    }

    /// Sets them, in the same order.
    pub fn set_general(&mut self, values: [u64; 16]) {
        [
            self.rax, self.rbx, self.rcx, self.rdx, self.rsi, self.rdi, self.rbp, self.rsp,
            self.r8, self.r9, self.r10, self.r11, self.r12, self.r13, self.r14, self.r15,
        ] = values;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::{offset_of, size_of};

    /// The entry code relies on these.
    #[test]
    fn layout_is_what_the_entry_pushes() {
        assert_eq!(offset_of!(TrapFrame, r15), 512);
        assert_eq!(offset_of!(TrapFrame, vector), 512 + 15 * 8);
        assert_eq!(offset_of!(TrapFrame, rip), 512 + 17 * 8);
        assert_eq!(size_of::<TrapFrame>(), 512 + 22 * 8);
        assert_eq!(size_of::<TrapFrame>() % 16, 0);
    }
}
