# Switching tasks. What a task that does not run has on top of its stack is
# SWITCH_FRAME of the guest ABI: r15, r14, r13, r12, rbx, rbp, return address.

    .section .text.ukdbg_switch, "ax", @progbits
    .global ukdbg_switch
    .type ukdbg_switch, @function
ukdbg_switch:                           # (rdi: *mut u64, rsi: u64)
    .cfi_startproc
    push rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbp, 0
    push rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbx, 0
    push r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r12, 0
    push r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r13, 0
    push r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r14, 0
    push r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r15, 0
    mov [rdi], rsp
    mov rsp, rsi
    pop r15
    .cfi_adjust_cfa_offset -8
    .cfi_restore r15
    pop r14
    .cfi_adjust_cfa_offset -8
    .cfi_restore r14
    pop r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore r13
    pop r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore r12
    pop rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore rbx
    pop rbp
    .cfi_adjust_cfa_offset -8
    .cfi_restore rbp
    # Where a debugger shows a task that does not run.
    .global ukdbg_switch_end
ukdbg_switch_end:
    ret
    .cfi_endproc
    .size ukdbg_switch, . - ukdbg_switch

# A task's outermost code. A new task "returns" behind the nop, so that an
# unwinder that looks one byte before the return address still finds this
# function; rbp is 0 there.
    .global ukdbg_task_entry
    .type ukdbg_task_entry, @function
ukdbg_task_entry:
    .cfi_startproc
    .cfi_undefined rip
    nop
    call {main}
    ud2
    .cfi_endproc
    .size ukdbg_task_entry, . - ukdbg_task_entry
    .text
