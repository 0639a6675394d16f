# Calls a function so that what it was called for can be given up: the place to
# go on is kept until it returns, and a trap or a panic in it ends the call.

    .section .text.ukdbg_recovery, "ax", @progbits
    .type ukdbg_protect, @function
    .global ukdbg_protect
ukdbg_protect:
    .cfi_startproc
    push rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    mov rbp, rsp
    .cfi_def_cfa_register rbp
    push rbx
    .cfi_offset rbx, -24
    push r12
    .cfi_offset r12, -32
    push r13
    .cfi_offset r13, -40
    push r14
    .cfi_offset r14, -48
    push r15
    .cfi_offset r15, -56
    push qword ptr [{point}]
    mov [{point}], rsp
    mov rax, rdi
    mov rdi, rsi
    call rax
    mov eax, 1
    jmp 1f
    # Comes here with the stack pointer that was kept, and nothing else.
    .global ukdbg_give_up
ukdbg_give_up:
    lea rbp, [rsp + 48]
    xor eax, eax
1:
    pop qword ptr [{point}]
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    .cfi_def_cfa rsp, 8
    ret
    .cfi_endproc
    .size ukdbg_protect, . - ukdbg_protect
    .text
