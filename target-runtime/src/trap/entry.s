# Trap entries. Each vector's stub evens out the error code; the common part
# saves everything, moves the vector's interrupt stack pointer down so that a
# trap on the same stack while this one is handled does not overwrite it, calls
# the dispatcher, and undoes it all.
#
# Unwind information (DWARF 5, 6.4): the frame is the processor's (SDM volume
# 3A, figure 6-9): rip at CFA-40, rsp at CFA-16, where the CFA is the stack's
# top. `signal_frame` tells unwinders that rip is exact, not a return address.

# A breakpoint may be set in any code, so also in what runs between a trap and
# the debugger's answer, where it would be hit by its own handling. While that
# runs (`in_debugger`), the breakpoint's entry therefore puts back the byte that
# the table of breakpoints has and goes on there. The code of this file calls
# nothing on that way; it alone can have no breakpoint.

    .section .text.ukdbg_trap, "ax", @progbits
    .global ukdbg_trap_code
ukdbg_trap_code:

    .macro ukdbg_trap vector
    .section .text.ukdbg_trap, "ax", @progbits
    .balign 16
    .type ukdbg_trap_\vector, @function
ukdbg_trap_\vector:
    .cfi_startproc
    .cfi_signal_frame
    # Vectors 8, 10-14, 17, 21, 29 and 30 push an error code.
    .if ((0x60227d00 >> \vector) & 1) & (\vector < 32)
    .cfi_def_cfa rsp, 48
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    .else
    .cfi_def_cfa rsp, 40
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    push 0
    .cfi_adjust_cfa_offset 8
    .endif
    push \vector
    .cfi_adjust_cfa_offset 8
    .if \vector == 3
    jmp ukdbg_trap_breakpoint
    .elseif \vector == 1
    jmp ukdbg_trap_debug
    .else
    jmp ukdbg_trap_common
    .endif
    .cfi_endproc
    .size ukdbg_trap_\vector, . - ukdbg_trap_\vector
    .section .rodata.ukdbg_trap, "a", @progbits
    .quad ukdbg_trap_\vector
    .endm

    .macro ukdbg_save register
    push \register
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset \register, 0
    .endm

    .macro ukdbg_restore register
    pop \register
    .cfi_adjust_cfa_offset -8
    .cfi_restore \register
    .endm

    .section .rodata.ukdbg_trap, "a", @progbits
    .balign 8
    .global ukdbg_trap_entries
ukdbg_trap_entries:
    .altmacro
    .set ukdbg_vector, 0
    .rept {count}
    ukdbg_trap %ukdbg_vector
    .set ukdbg_vector, ukdbg_vector + 1
    .endr
    .noaltmacro

    .section .text.ukdbg_trap, "ax", @progbits
    .balign 16
    .type ukdbg_trap_breakpoint, @function
ukdbg_trap_breakpoint:
    .cfi_startproc
    .cfi_signal_frame
    .cfi_def_cfa rsp, 56
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    cmp word ptr [{in_debugger}], 0
    jne 1f
    mov byte ptr [{in_debugger} + 1], 1
    jmp ukdbg_trap_debug
1:
    ukdbg_save rax
    ukdbg_save rcx
    mov rax, [rsp + 32]
    dec rax
    xor ecx, ecx
2:
    cmp [{breakpoints} + rcx], rax
    je 3f
    add ecx, 16
    cmp ecx, {breakpoint_count} * 16
    jne 2b
    # No breakpoint: the program's own, or what reports a panic.
    .cfi_remember_state
    ukdbg_restore rcx
    ukdbg_restore rax
    jmp ukdbg_trap_debug
    .cfi_restore_state
3:
    mov [rsp + 32], rax
    mov cl, [{breakpoints} + rcx + 8]
    # The text is read-only: off with CR0.WP (SDM volume 3A, section 4.6).
    push rbx
    .cfi_adjust_cfa_offset 8
    mov rbx, cr0
    push rbx
    .cfi_adjust_cfa_offset 8
    btr ebx, 16
    mov cr0, rbx
    mov [rax], cl
    pop rbx
    .cfi_adjust_cfa_offset -8
    mov cr0, rbx
    pop rbx
    .cfi_adjust_cfa_offset -8
    ukdbg_restore rcx
    ukdbg_restore rax
    add rsp, 16
    .cfi_adjust_cfa_offset -16
    iretq
    .cfi_endproc
    .size ukdbg_trap_breakpoint, . - ukdbg_trap_breakpoint

    # The handling must not be stopped by the debug registers it handles; the
    # debugger puts them in force again.
    .type ukdbg_trap_debug, @function
ukdbg_trap_debug:
    .cfi_startproc
    .cfi_signal_frame
    .cfi_def_cfa rsp, 56
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    push rax
    .cfi_adjust_cfa_offset 8
    mov eax, 0x400
    mov dr7, rax
    pop rax
    .cfi_adjust_cfa_offset -8
    jmp ukdbg_trap_common
    .cfi_endproc
    .size ukdbg_trap_debug, . - ukdbg_trap_debug

    .balign 16
    .type ukdbg_trap_common, @function
ukdbg_trap_common:
    .cfi_startproc
    .cfi_signal_frame
    .cfi_def_cfa rsp, 56
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    ukdbg_save rax
    ukdbg_save rbx
    ukdbg_save rcx
    ukdbg_save rdx
    ukdbg_save rsi
    ukdbg_save rdi
    ukdbg_save rbp
    ukdbg_save r8
    ukdbg_save r9
    ukdbg_save r10
    ukdbg_save r11
    ukdbg_save r12
    ukdbg_save r13
    ukdbg_save r14
    ukdbg_save r15
    # The vector is above fifteen registers.
    mov rax, [rsp + 120]
    movzx eax, byte ptr [{interrupt_stack_of} + rax]
    sub qword ptr [{task_state} + 28 + rax * 8], {nest_size}
    sub rsp, 512
    .cfi_adjust_cfa_offset 512
    fxsave64 [rsp]
    cld
    mov rdi, rsp
    call {dispatch}
    fxrstor64 [rsp]
    add rsp, 512
    .cfi_adjust_cfa_offset -512
    mov rax, [rsp + 120]
    cmp eax, 3
    jne 1f
    mov byte ptr [{in_debugger} + 1], 0
1:
    movzx eax, byte ptr [{interrupt_stack_of} + rax]
    add qword ptr [{task_state} + 28 + rax * 8], {nest_size}
    ukdbg_restore r15
    ukdbg_restore r14
    ukdbg_restore r13
    ukdbg_restore r12
    ukdbg_restore r11
    ukdbg_restore r10
    ukdbg_restore r9
    ukdbg_restore r8
    ukdbg_restore rbp
    ukdbg_restore rdi
    ukdbg_restore rsi
    ukdbg_restore rdx
    ukdbg_restore rcx
    ukdbg_restore rbx
    ukdbg_restore rax
    add rsp, 16
    .cfi_adjust_cfa_offset -16
    iretq
    .cfi_endproc
    .size ukdbg_trap_common, . - ukdbg_trap_common
    .global ukdbg_trap_code_end
ukdbg_trap_code_end:
    .text
