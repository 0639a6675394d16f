# Catches every register at the call of the panic handler. The state recorded
# is that of this function's first instruction, so that an unwinder that starts
# from it finds the panic handler as the first caller.

    .section .text.ukdbg_panic, "ax", @progbits
    .global ukdbg_panic
    .type ukdbg_panic, @function
ukdbg_panic:
    .cfi_startproc
    push rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    mov rbp, rsp
    .cfi_def_cfa_register rbp
    sub rsp, 144
    mov [rsp], rax
    mov [rsp + 8], rbx
    mov [rsp + 16], rcx
    mov [rsp + 24], rdx
    mov [rsp + 32], rsi
    mov [rsp + 40], rdi
    mov rax, [rbp]
    mov [rsp + 48], rax
    lea rax, [rbp + 8]
    mov [rsp + 56], rax
    mov [rsp + 64], r8
    mov [rsp + 72], r9
    mov [rsp + 80], r10
    mov [rsp + 88], r11
    mov [rsp + 96], r12
    mov [rsp + 104], r13
    mov [rsp + 112], r14
    mov [rsp + 120], r15
    lea rax, [rip + ukdbg_panic]
    mov [rsp + 128], rax
    pushfq
    pop rax
    mov [rsp + 136], rax
    cli
    mov rsi, rsp
    call {captured}
    ud2
    .cfi_endproc
    .size ukdbg_panic, . - ukdbg_panic
    .text
